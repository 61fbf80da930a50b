"""The data that networks are trained and measured on: data sets, photos, drawings, batches."""
