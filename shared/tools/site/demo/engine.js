// The networks in workers. The page holds everything as text (see shared/tools/demo.py), so
// nothing is fetched and the page works from a file.
"use strict";

/** The bytes of a part of the page: gzip, written as base64. */
async function unpacked(id) {
  const text = document.getElementById(id).textContent;
  const packed = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const unpackedText = async id => new TextDecoder().decode(await unpacked(id));

let workerParts; // what every worker starts with, unpacked once

function loadParts() {
  workerParts ??= (async () => {
    const [ort, glue, wasm] = await Promise.all(
      [unpackedText("ort"), unpackedText("ort-glue"), unpacked("ort-wasm")]);
    const own = ["maths", "worker"].map(id => document.getElementById(id).textContent);
    const script = new Blob([ort, ";\n", ...own], {type: "text/javascript"});
    return {script: URL.createObjectURL(script), glue, wasm};
  })();
  return workerParts;
}

/** A worker that has loaded the networks of these names. */
class Engine {
  #worker;
  #waiting = new Map();
  #number = 0;

  static async start(names) {
    const engine = new Engine();
    const {script, glue, wasm} = await loadParts();
    engine.#worker = new Worker(script);
    engine.#worker.onmessage = ({data}) => engine.#receive(data);
    engine.#worker.onerror = event => engine.#failed(event.message || "the worker stopped");
    await engine.ask("start", {glue, wasm});
    for (const name of names) {
      await engine.ask("load", {name, bytes: await unpacked(`network-${name}`)});
    }
    return engine;
  }

  /** The answer to a task of worker.js. */
  ask(task, rest = {}) {
    const id = this.#number++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject});
      this.#worker.postMessage({id, task, ...rest});
    });
  }

  #receive({id, answer, error}) {
    const {resolve, reject} = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  }

  #failed(message) {
    for (const {reject} of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}

const engines = {};

/** The one worker for digits, started when it is first needed. */
function digitEngine() {
  engines.digits ??= Engine.start(["baseline", "classifier_a", "classifier_b", "samples"]);
  return engines.digits;
}

/** Workers for photos: each enlarges whole tiles alone, so their number changes no pixel. */
function photoEngines() {
  const count = Math.min(Math.max(Math.floor((navigator.hardwareConcurrency || 2) / 2), 1), 4);
  engines.photos ??= Promise.all(Array.from({length: count}, () => Engine.start(["zoom"])));
  return engines.photos;
}
