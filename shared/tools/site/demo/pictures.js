// What the parts of the page share: finding elements, and pictures of digits with their readings.
"use strict";

const byId = id => document.getElementById(id);
const settings = JSON.parse(byId("settings").textContent);

/** An element with attributes, and with texts and elements inside. */
function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

const percent = probability => `${Math.round(100 * probability)}%`;
const grey = value => [255 * value, 255 * value, 255 * value];

const WIDEST_SPREAD = 0.5; // the largest standard deviation that pixels in [0, 1] can have

/** The colour of a standard deviation: black for 0, then orange, white for the widest. */
function heat(value) {
  const level = Math.min(value / WIDEST_SPREAD, 1);
  return [255 * Math.min(2 * level, 1), 255 * (0.9 * level + 0.1 * level ** 2),
    255 * Math.max(2 * level - 1, 0)];
}

/** Draws a square image onto a canvas, one pixel per pixel; the style enlarges it. */
function paintImage(canvas, image, colour = grey) {
  const side = Math.sqrt(image.length);
  canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side);
  image.forEach((value, i) => pixels.data.set([...colour(value), 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** A canvas with a title above it and room for readings below it. */
class DigitPicture {
  constructor(parent, title, colour = grey) {
    this.title = title;
    this.colour = colour;
    this.canvas = make("canvas", {role: "img", "aria-label": title, width: 28, height: 28});
    this.notes = make("div", {class: "notes"});
    this.figure = make("figure", {}, make("figcaption", {}, title), this.canvas, this.notes);
    parent.append(this.figure);
  }

  /** Shows an image; `stale` tells that the readings below it belong to an earlier one. */
  paint(image) {
    this.image = image;
    paintImage(this.canvas, image, this.colour);
  }

  /** Writes what both classifiers read, marked where it is not `meant`, and a line below. */
  read(reading, meant, line = "") {
    this.reading = reading;
    this.notes.replaceChildren();
    const spoken = [];
    for (const name of ["a", "b"]) {
      const digit = indexOfLargest(reading[name]);
      const wrong = meant !== null && digit !== meant;
      const chance = percent(reading[name][digit]);
      this.notes.append(make("div", {class: wrong ? "reading wrong" : "reading"},
        make("span", {}, name.toUpperCase()), make("b", {}, String(digit)),
        make("span", {}, chance), make("span", {class: "wrong-mark"}, wrong ? "\u2717" : "")));
      spoken.push(`${name.toUpperCase()} reads ${digit}, ${chance}`);
    }
    this.write(line, false);
    this.canvas.setAttribute("aria-label", `${this.title}: ${spoken.join("; ")}`);
  }

  write(line, alone = true) {
    if (alone) this.notes.replaceChildren();
    if (line) this.notes.append(make("div", {class: "line"}, line));
  }

  set waiting(waiting) {
    this.figure.classList.toggle("waiting", waiting);
  }
}

const ONES = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/** The pictures of one digit: what is known, what is made of it, and the ten samples. */
class Chain {
  constructor(pictures, samples, first) {
    const add = (title, colour) => new DigitPicture(pictures, title, colour);
    this.truth = add(first);
    this.lowRes = add("49 pixels");
    this.bicubic = add("Bicubic");
    this.answer = add("Network");
    this.mean = add("Mean of ten");
    this.spread = add("Spread of ten", heat);
    this.samples = Array.from({length: settings.samples}, (_, i) =>
      new DigitPicture(samples, `Sample ${i + 1}`));
    this.spread.notes.append(make("div", {class: "scale", role: "img",
      "aria-label": `Scale: black is a standard deviation of 0, white one of ${WIDEST_SPREAD}`}),
    make("div", {class: "ticks", "aria-hidden": "true"}, make("span", {}, "0"),
      make("span", {}, "std. dev."), make("span", {}, String(WIDEST_SPREAD))));
  }

  get made() {
    return [this.bicubic, this.answer, this.mean, this.spread, ...this.samples];
  }

  set waiting(waiting) {
    for (const picture of this.made) picture.waiting = waiting;
  }

  /** Shows what needs no network: the image, its block means, bicubic. */
  begin(image) {
    this.truth.paint(image);
    this.lowRes.paint(blockMean(image));
    this.lowRes.write("block means of 4x4");
    this.bicubic.paint(clipped(bicubic(this.lowRes.image, 7, 7, SCALE)));
    this.bicubic.waiting = false;
  }

  /** Computes the network's picture, and what is read in all pictures so far. */
  async compute(engine) {
    const [truth, plain] = [this.truth.image, this.bicubic.image];
    const answer = await engine.ask("answer", {lowRes: this.lowRes.image});
    const readings = await engine.ask("read", {images: [truth, plain, answer]});
    return {truth, plain, answer, readings};
  }

  show({truth, plain, answer, readings}, meant) {
    this.answer.paint(answer);
    this.truth.read(readings[0], meant);
    this.bicubic.read(readings[1], meant, decibels(truth, plain));
    this.answer.read(readings[2], meant, decibels(truth, answer));
    this.bicubic.waiting = this.answer.waiting = false;
  }

  /** Draws samples from noise of a seed; returns null if `outdated()` says that they are. */
  async draw(engine, lowRes, answer, seed, outdated) {
    const noises = this.samples.map((_, i) => normalNumbers(SIDE * SIDE, 1000 * seed + i));
    const images = [];
    for (let i = 0; i < noises.length; i += 5) { // in two parts, so that a pen need not wait
      images.push(...await engine.ask("samples", {
        lowRes, guess: answer, noises: noises.slice(i, i + 5), steps: settings.steps}));
      if (outdated()) return null;
    }
    const {mean, spread} = meanAndSpread(images);
    const readings = await engine.ask("read", {images: [...images, mean]});
    return outdated() ? null : {images, mean, spread, readings};
  }

  showSamples({images, mean, spread, readings}, truth, meant) {
    images.forEach((image, i) => {
      this.samples[i].paint(image);
      this.samples[i].read(readings[i], meant);
    });
    this.mean.paint(mean);
    this.mean.read(readings.at(-1), meant, decibels(truth, mean));
    this.spread.paint(spread);
    this.waiting = false;
  }
}

function decibels(truth, image) {
  const value = psnr(truth, image);
  return Number.isFinite(value) ? `${value.toFixed(1)} dB` : "";
}

/** How often classifier A reads each digit in samples, most frequent first: [[digit, count]]. */
function votesOf(readings) {
  const counts = new Map();
  for (const reading of readings) {
    const digit = indexOfLargest(reading.a);
    counts.set(digit, (counts.get(digit) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

/** "seven as a 9 and three as a 4" */
function votesInWords(votes) {
  const parts = votes.map(([digit, count]) => `${ONES[count]} as ${article(digit)}`);
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

const article = digit => `${digit === 8 ? "an" : "a"} ${digit}`;

function trouble(error) {
  byId("trouble").textContent = "Something went wrong, and the page cannot compute: "
    + `${error.message ?? error}. Load the page again, or use a current version of Firefox, `
    + "Chrome, Edge or Safari.";
  byId("trouble").hidden = false;
}
