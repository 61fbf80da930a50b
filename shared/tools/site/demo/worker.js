// Runs in a worker, after ONNX Runtime, maths.js and nothing else: everything that takes long.
// A message is {id, task, ...}; the answer is {id, answer} or {id, error}.
"use strict";

const sessions = {};

const tasks = {
  /** Starts ONNX Runtime from its WebAssembly and the script that loads it. */
  async start({wasm, glue}) {
    ort.env.logLevel = "error";
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.wasmPaths = {
      mjs: URL.createObjectURL(new Blob([glue], {type: "text/javascript"}))};
  },

  async load({name, bytes}) {
    sessions[name] = await ort.InferenceSession.create(bytes);
  },

  /** What the network of lesson 01 makes of one 7x7 image: clipped, then projected. */
  async answer({lowRes}) {
    const output = await run("baseline", {low_res: [lowRes, [1, 7, 7, 1]]});
    return project(clipped(output), lowRes);
  },

  /** Samples for one 7x7 image, all at once: one for each array of 784 normal numbers. */
  async samples({lowRes, guess, noises, steps}) {
    const count = noises.length, size = guess.length;
    const many = image => repeated(image, count);
    const given = {low_res: [many(lowRes), [count, 7, 7, 1]], guess: [many(guess), [count, 28, 28, 1]]};
    const velocity = (x, t) => run("samples", {
      ...given, x_t: [x, [count, 28, 28, 1]], t: [new Float32Array(count).fill(t), [count, 1]]});
    const ahead = (x, speed, time) => x.map((value, i) => value + speed[i] * time);
    let x = new Float32Array(count * size);
    noises.forEach((noise, i) => x.set(noisyStart(lowRes, noise), i * size));
    for (let i = 0; i < steps; i++) {
      const half = ahead(x, await velocity(x, i / steps), 0.5 / steps);
      x = ahead(x, await velocity(half, (i + 0.5) / steps), 1 / steps);
    }
    return noises.map((_, i) => project(x.slice(i * size, (i + 1) * size), lowRes));
  },

  /** The probabilities that both classifiers give the ten digits, for each image. */
  async read({images}) {
    const all = new Float32Array(images.length * images[0].length);
    images.forEach((image, i) => all.set(image, i * image.length));
    const readings = {};
    for (const name of ["classifier_a", "classifier_b"]) {
      const logits = await run(name, {image: [all, [images.length, 28, 28, 1]]});
      readings[name] = images.map((_, i) => softmax(logits.slice(10 * i, 10 * i + 10)));
    }
    return images.map((_, i) => ({a: readings.classifier_a[i], b: readings.classifier_b[i]}));
  },

  /** A tile of a photo, RGBA, at twice its size: by bicubic, and with the network's luma. */
  async enhance({rgba, height, width}) {
    const {y, cb, cr} = toYcbcr(rgba);
    const twice = values => bicubic(values, height, width, 2);
    const chroma = [twice(cb), twice(cr)];
    const output = await run("zoom", {low_res: [y.map(level => level / 255), [1, height, width, 1]]});
    return {plain: toRgba(twice(y), ...chroma),
      enhanced: toRgba(output.map(value => value * 255), ...chroma)};
  },
};

/** The output of a network for inputs {name: [values, shape]}. */
async function run(name, inputs) {
  const session = sessions[name];
  const feeds = {};
  for (const [input, [values, shape]] of Object.entries(inputs)) {
    // A network with one input takes it under any name.
    const known = session.inputNames.length === 1 ? session.inputNames[0] : input;
    feeds[known] = new ort.Tensor("float32", values, shape);
  }
  const output = (await session.run(feeds))[session.outputNames[0]];
  const {data} = output;
  return data;
}

function repeated(image, count) {
  const result = new Float32Array(image.length * count);
  for (let i = 0; i < count; i++) result.set(image, i * image.length);
  return result;
}

let previous = Promise.resolve(); // one task after the other

self.onmessage = ({data: {id, task, ...rest}}) => {
  previous = previous.then(async () => {
    try {
      self.postMessage({id, answer: await tasks[task](rest)});
    } catch (error) {
      self.postMessage({id, error: String(error?.message ?? error)});
    }
  });
};
