// The arithmetic of the course, again in JavaScript: the functions of the same names in
// shared/images/ and shared/models/flow.py say how and why. Images are Float32Array, row by row,
// in [0, 1]. This script runs in the page and in its workers.
"use strict";

const SCALE = 4; // of the digits: 7x7 pixels become 28x28

// ---- shared/images/resize.py

/** The cubic convolution kernel of Keys (1981), a = -0.5. */
function keysCubic(x) {
  x = Math.abs(x);
  if (x < 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
  return x < 2 ? -0.5 * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0;
}

/** For each new pixel of a line that is enlarged: its first old pixel and the weights from there. */
function enlargingWeights(size, scale) {
  return Array.from({length: size * scale}, (_, j) => {
    const centre = (j + 0.5) / scale;
    const first = Math.max(Math.floor(centre - 0.5) - 1, 0);
    const end = Math.min(Math.floor(centre - 0.5) + 3, size);
    const weights = [];
    for (let i = first; i < end; i++) weights.push(keysCubic(i + 0.5 - centre));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return {first, weights: weights.map(weight => weight / total)};
  });
}

/** Bicubic enlargement, not clipped: (height * width) becomes (height * scale * width * scale). */
function bicubic(image, height, width, scale) {
  const newWidth = width * scale, newHeight = height * scale;
  const columns = enlargingWeights(width, scale), rows = enlargingWeights(height, scale);
  const wide = new Float32Array(height * newWidth);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < newWidth; x++) {
      const {first, weights} = columns[x];
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * image[y * width + first + k];
      wide[y * newWidth + x] = sum;
    }
  }
  const result = new Float32Array(newHeight * newWidth);
  for (let y = 0; y < newHeight; y++) {
    const {first, weights} = rows[y];
    for (let x = 0; x < newWidth; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * wide[(first + k) * newWidth + x];
      result[y * newWidth + x] = sum;
    }
  }
  return result;
}

const clipped = image => image.map(value => Math.min(Math.max(value, 0), 1));

// ---- shared/images/degrade.py

/** Calls use(block, pixels) for each block of scale x scale pixels of a square image. */
function forBlocks(side, scale, use) {
  const blocks = side / scale;
  for (let block = 0; block < blocks * blocks; block++) {
    const top = Math.floor(block / blocks) * scale, left = block % blocks * scale;
    const pixels = [];
    for (let y = top; y < top + scale; y++) {
      for (let x = left; x < left + scale; x++) pixels.push(y * side + x);
    }
    use(block, pixels);
  }
}

/** The mean of each block of a square image. */
function blockMean(image, scale = SCALE) {
  const side = Math.sqrt(image.length);
  const means = new Float32Array(image.length / scale ** 2);
  forBlocks(side, scale, (block, pixels) => {
    means[block] = pixels.reduce((sum, pixel) => sum + image[pixel], 0) / scale ** 2;
  });
  return means;
}

/** Each pixel of a square image repeated to a block. */
function repeatPixels(image, scale = SCALE) {
  const side = Math.sqrt(image.length) * scale;
  const result = new Float32Array(side * side);
  forBlocks(side, scale, (block, pixels) => {
    for (const pixel of pixels) result[pixel] = image[block];
  });
  return result;
}

/** The nearest image in [0, 1] whose block means are exactly those of lowRes; both are square. */
function project(image, lowRes) {
  const scale = Math.sqrt(image.length / lowRes.length);
  const result = new Float32Array(image.length);
  forBlocks(Math.sqrt(image.length), scale, (block, pixels) => {
    const target = Math.min(Math.max(lowRes[block], 0), 1) * pixels.length;
    const shift = shiftTo(pixels.map(pixel => image[pixel]), target);
    for (const pixel of pixels) result[pixel] = Math.min(Math.max(image[pixel] + shift, 0), 1);
  });
  return result;
}

/** The number that makes the sum of clip(values + number, 0, 1) equal to target. */
function shiftTo(values, target) {
  // At each corner a value enters the range (one more moves with the shift) or leaves it.
  const corners = values.flatMap(value => [[-value, 1], [1 - value, -1]]);
  corners.sort((a, b) => a[0] - b[0]);
  let [shift] = corners[0], sum = 0, moving = 0;
  for (const [corner, bend] of corners) {
    const length = corner - shift;
    if (sum + moving * length >= target) {
      return moving ? shift + (target - sum) / moving : shift;
    }
    sum += moving * length;
    shift = corner;
    moving += bend;
  }
  return shift;
}

// ---- shared/models/flow.py

const SIGMA = 0.8; // standard deviation of the noise, in units of detailScale

const detailScale = lowRes => lowRes.map(y => Math.sqrt(Math.max(y * (1 - y), 0)));

/** The start of a sample: lowRes enlarged, plus noise (784 normal numbers) with block means 0. */
function noisyStart(lowRes, noise) {
  const means = repeatPixels(blockMean(noise)), strength = repeatPixels(detailScale(lowRes));
  return repeatPixels(lowRes).map((y, i) => y + SIGMA * strength[i] * (noise[i] - means[i]));
}

/** Standard normal numbers by Box and Muller; a seed always gives the same numbers. */
function normalNumbers(count, seed) {
  const random = randomNumbers(seed);
  return Float32Array.from({length: count}, () =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

/** A function that returns numbers in [0, 1), the same for the same seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The mean and the standard deviation (with count - 1) of images, pixel by pixel. */
function meanAndSpread(images) {
  const mean = images[0].map((_, i) =>
    images.reduce((sum, image) => sum + image[i], 0) / images.length);
  const spread = mean.map((middle, i) => Math.sqrt(
    images.reduce((sum, image) => sum + (image[i] - middle) ** 2, 0) / (images.length - 1)));
  return {mean, spread};
}

// ---- shared/measures/metrics.py and shared/models/classifiers.py

/** PSNR in dB for the range [0, 1]. */
function psnr(truth, image) {
  const squares = truth.reduce((sum, value, i) => sum + (value - image[i]) ** 2, 0);
  return -10 * Math.log10(squares / truth.length);
}

/** Probabilities from logits. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, logit => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map(power => power / total);
}

const indexOfLargest = values => values.indexOf(Math.max(...values));

// ---- shared/images/luma.py

/** RGBA bytes as luma, Cb and Cr, range 0 to 255 and not rounded. */
function toYcbcr(rgba) {
  const count = rgba.length / 4;
  const y = new Float32Array(count), cb = new Float32Array(count), cr = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const red = rgba[4 * i] / 255, green = rgba[4 * i + 1] / 255, blue = rgba[4 * i + 2] / 255;
    y[i] = 16 + 65.481 * red + 128.553 * green + 24.966 * blue;
    cb[i] = 128 - 37.797 * red - 74.203 * green + 112 * blue;
    cr[i] = 128 + 112 * red - 93.786 * green - 18.214 * blue;
  }
  return {y, cb, cr};
}

// The inverse of the matrix in toYcbcr, times 255.
const RED = [1.1643835616438356, 3.0112439735697965e-7, 1.5960268873357042];
const GREEN = [1.1643835616438356, -0.3917625399414501, -0.8129682921622053];
const BLUE = [1.1643835616438358, 2.0172326395564593, 3.054261745313201e-6];

/** The inverse of toYcbcr, rounded to bytes and opaque. */
function toRgba(y, cb, cr) {
  const rgba = new Uint8ClampedArray(4 * y.length); // rounds halves to even, as NumPy does
  for (let i = 0; i < y.length; i++) {
    const luma = y[i] - 16, blueness = cb[i] - 128, redness = cr[i] - 128;
    rgba[4 * i] = RED[0] * luma + RED[1] * blueness + RED[2] * redness;
    rgba[4 * i + 1] = GREEN[0] * luma + GREEN[1] * blueness + GREEN[2] * redness;
    rgba[4 * i + 2] = BLUE[0] * luma + BLUE[1] * blueness + BLUE[2] * redness;
    rgba[4 * i + 3] = 255;
  }
  return rgba;
}

// ---- shared/images/tiles.py

const ALIGN = 16;

/** Divides a line into overlapping tiles of one length: {length, tiles: [{start, first, end}]}. */
function grid(size, side, margin) {
  const length = Math.ceil(side / ALIGN) * ALIGN + size % ALIGN;
  if (length >= size) return {length: size, tiles: [{start: 0, first: 0, end: size}]};
  const step = Math.floor((length - 2 * margin) / ALIGN) * ALIGN;
  if (step < 1) throw new RangeError(`tiles of ${side} have no pixel between margins of ${margin}`);
  const starts = [];
  for (let start = 0; start < size - length; start += step) starts.push(start);
  starts.push(size - length);
  const tiles = starts.map((start, i) => ({start, first: i ? start + margin : 0}));
  tiles.forEach((tile, i) => { tile.end = i + 1 < tiles.length ? tiles[i + 1].first : size; });
  return {length, tiles};
}
