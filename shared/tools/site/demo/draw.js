// The part "Draw a digit".
"use strict";

const draw = (() => {
  const pad = byId("pad"), ink = pad.getContext("2d");
  const chain = new Chain(byId("draw-pictures"), byId("draw-samples"), "Drawing");
  const meantChoice = byId("meant");
  let drawing = emptyDrawing();
  let erasing = false, stroke = null, seed = 1;
  let pen = {x: 128, y: 64, down: false, shown: false}; // of the keyboard
  let version = 0, running = false, latest = null, drawn = null;
  let chosenMeaning = null; // the digit that the learner says it is; null: as it is read

  meantChoice.append(make("option", {value: ""}, "as read"),
    ...Array.from({length: 10}, (_, digit) => make("option", {value: digit}, String(digit))));

  // ---- the pad

  function showPad() {
    const side = pad.width;
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, side, side);
    if (drawing.digit !== null) {
      const small = make("canvas");
      paintImage(small, asMnist({...drawing, strokes: allStrokes()}, settings.digits));
      ink.imageSmoothingEnabled = false;
      ink.drawImage(small, 0, 0, side, side);
    } else {
      for (const {erase, points} of allStrokes()) {
        ink.strokeStyle = erase ? "#000" : "#fff";
        ink.lineWidth = (erase ? ERASER : PEN) / SIDE * side;
        ink.lineCap = ink.lineJoin = "round";
        ink.beginPath();
        points.forEach(([x, y], i) => ink[i ? "lineTo" : "moveTo"](x / 255 * side, y / 255 * side));
        if (points.length === 1) ink.lineTo(points[0][0] / 255 * side + 0.01, points[0][1] / 255 * side);
        ink.stroke();
      }
    }
    if (pen.shown) {
      ink.strokeStyle = pen.down ? "#ffb000" : "#5fb4ff";
      ink.lineWidth = 6;
      ink.beginPath();
      ink.arc(pen.x / 255 * side, pen.y / 255 * side, 20, 0, 2 * Math.PI);
      ink.stroke();
    }
  }

  const allStrokes = () => stroke ? [...drawing.strokes, stroke] : drawing.strokes;

  /** Where a pointer is on the pad: whole numbers from 0 to 255. */
  function place(event) {
    const box = pad.getBoundingClientRect();
    const whole = (value, moved) =>
      Math.round(Math.min(Math.max(255 * (value - shift(moved)), 0), 255));
    return [whole((event.clientX - box.left) / box.width, drawing.right),
      whole((event.clientY - box.top) / box.height, drawing.down)];
  }

  // On a shipped digit, a stroke is moved with it, so it is drawn where it was before the move.
  const shift = pixels => drawing.digit === null ? 0 : pixels / SIDE;

  function addPoint(point) {
    const last = stroke.points.at(-1);
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < 2) return;
    stroke.points.push(point);
    changed();
  }

  function endStroke() {
    if (!stroke) return;
    stroke.points = simplified(stroke.points);
    drawing.strokes.push(stroke);
    stroke = null;
    changed();
  }

  function beginStroke(point) {
    stroke = {erase: erasing, points: [point]};
    changed();
  }

  pad.addEventListener("pointerdown", event => {
    if (event.button) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    pad.focus({preventScroll: true});
    pen.shown = pen.down = false;
    beginStroke(place(event));
  });
  pad.addEventListener("pointermove", event => {
    if (!stroke || pen.down) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const moved of events.length ? events : [event]) addPoint(place(moved));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => { if (!pen.down) endStroke(); });
  }

  const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

  pad.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in ARROWS) {
      const length = event.shiftKey ? 3 : 10, [right, down] = ARROWS[event.key];
      const inside = value => Math.min(Math.max(value, 0), 255);
      pen = {...pen, shown: true, x: inside(pen.x + right * length), y: inside(pen.y + down * length)};
      if (pen.down) addPoint([pen.x, pen.y]);
      else showPad();
    } else if (event.key === " ") {
      pen.shown = true;
      pen.down = !pen.down;
      if (pen.down) beginStroke([pen.x, pen.y]);
      else endStroke();
    } else if (event.key === "Backspace") undo();
    else if (event.key === "Delete") clear();
    else return;
    event.preventDefault();
  });
  pad.addEventListener("focus", () => {
    pen.shown = pad.matches(":focus-visible");
    showPad();
  });
  pad.addEventListener("blur", () => {
    if (pen.down) endStroke();
    pen.down = pen.shown = false;
    showPad();
  });

  function undo() {
    stroke = null;
    pen.down = false;
    if (drawing.strokes.length) drawing.strokes.pop();
    else drawing = emptyDrawing();
    changed();
  }

  function clear() {
    stroke = null;
    pen.down = false;
    set(emptyDrawing());
  }

  function choose(erase) {
    erasing = erase;
    byId("pen").setAttribute("aria-pressed", !erase);
    byId("eraser").setAttribute("aria-pressed", erase);
  }

  byId("pen").addEventListener("click", () => choose(false));
  byId("eraser").addEventListener("click", () => choose(true));
  byId("undo").addEventListener("click", undo);
  byId("clear").addEventListener("click", clear);
  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => {
      const [right, down] = button.dataset.move.split(",").map(Number);
      const inside = value => Math.min(Math.max(value, -SIDE), SIDE);
      drawing.right = inside(drawing.right + right);
      drawing.down = inside(drawing.down + down);
      changed();
    });
  }

  settings.digits.forEach((digit, number) => {
    const canvas = make("canvas", {"aria-hidden": "true"});
    const button = make("button", {type: "button",
      "aria-label": `${article(digit.label)}, test digit ${digit.index}`}, canvas);
    button.addEventListener("click", () => {
      set({...emptyDrawing(), digit: number});
      choosePage("draw");
      pad.scrollIntoView({block: "nearest"});
    });
    byId(number < 10 ? "ordinary" : "hard").append(button);
    digit.pixels = Float32Array.from(atob(digit.pixels), letter => letter.charCodeAt(0) / 255);
    paintImage(canvas, digit.pixels);
  });

  // ---- what is made of it

  function set(next) {
    drawing = next;
    stroke = null;
    pen.down = false;
    setMeaning(next.digit === null ? null : settings.digits[next.digit].label);
    changed();
  }

  function setMeaning(digit) {
    chosenMeaning = digit;
    meantChoice.value = digit ?? "";
  }

  /** The digit that was meant: chosen, or what classifier A reads in the drawing. */
  function meant() {
    return chosenMeaning ?? (latest ? indexOfLargest(latest.readings[0].a) : null);
  }

  meantChoice.addEventListener("change", () => {
    chosenMeaning = meantChoice.value === "" ? null : Number(meantChoice.value);
    describe();
  });
  byId("other-samples").addEventListener("click", () => {
    seed++;
    changed();
  });
  byId("copy-link").addEventListener("click", async () => {
    writeAddress();
    try {
      await navigator.clipboard.writeText(location.href);
      byId("link-copied").textContent = "The link is copied.";
    } catch {
      byId("link-copied").textContent = "Copy the address of this page: it holds the drawing.";
    }
  });

  const writeAddress = () => setAddress("draw", isEmpty(drawing) ? "" : toLink(drawing));

  function changed() {
    version++;
    document.body.dataset.state = "computing"; // for the tests, as "complete" below
    showPad();
    byId("link-copied").textContent = "";
    chain.begin(asMnist({...drawing, strokes: allStrokes()}, settings.digits));
    if (!stroke) writeAddress();
    if (isEmpty({...drawing, strokes: allStrokes()})) {
      latest = drawn = null;
      for (const picture of [chain.truth, ...chain.made]) {
        if (picture.image) picture.paint(new Float32Array(SIDE * SIDE));
        if (picture !== chain.spread) picture.write("");
      }
      byId("verdict").textContent = "The pad is empty: draw a digit from 0 to 9.";
      byId("table").replaceChildren();
      return;
    }
    for (const picture of [chain.mean, chain.spread, ...chain.samples]) picture.waiting = true;
    compute();
  }

  /** Keeps computing until what is shown belongs to the newest version. */
  async function compute() {
    if (running) return;
    running = true;
    try {
      const engine = await digitEngine();
      for (let done = -1; done !== version;) {
        done = version;
        if (isEmpty({...drawing, strokes: allStrokes()})) continue;
        const lowRes = chain.lowRes.image;
        const result = await chain.compute(engine);
        if (isEmpty({...drawing, strokes: allStrokes()})) continue;
        [latest, drawn] = [result, null];
        describe();
        if (stroke || done !== version) continue; // samples when the pen is up
        const outdated = () => done !== version;
        const samples = await chain.draw(engine, lowRes, result.answer, seed, outdated);
        if (samples) {
          drawn = samples;
          describe();
        }
      }
    } catch (error) {
      trouble(error);
    }
    running = false;
  }

  /** Writes all readings, the sentence above them and the table. */
  function describe() {
    if (!latest) return;
    const digit = meant();
    chain.show(latest, digit);
    if (drawn) chain.showSamples(drawn, latest.truth, digit);
    const text = make("p", {}, ...sentence(digit));
    if (text.textContent !== byId("verdict").textContent) { // or it would be read aloud again
      byId("verdict").replaceChildren(...text.childNodes);
    }
    fillTable(digit);
    if (drawn) document.body.dataset.state = "complete";
  }

  function sentence(digit) {
    const [seen, returned] = [0, 2].map(i => indexOfLargest(latest.readings[i].a));
    const parts = [];
    if (seen !== digit) {
      parts.push(`Classifier A reads ${article(seen)} in the drawing itself. `);
    }
    parts.push(make("strong", {}, `The ${digit} comes back as ${article(returned)}`),
      ", as classifier A reads it in the network's picture. ");
    if (drawn) {
      const votes = votesOf(drawn.readings.slice(0, -1));
      parts.push(votes.length === 1 ? `All ten samples are read as ${article(votes[0][0])}.`
        : `Of the ten samples, it reads ${votesInWords(votes)}.`);
    } else {
      parts.push("Samples are being drawn.");
    }
    return parts;
  }

  function fillTable(digit) {
    const rows = [[chain.truth, latest.readings[0]], [chain.bicubic, latest.readings[1]],
      [chain.answer, latest.readings[2]]];
    if (drawn) {
      rows.push([chain.mean, drawn.readings.at(-1)]);
      chain.samples.forEach((picture, i) => rows.push([picture, drawn.readings[i]]));
    }
    const header = make("tr", {}, make("th", {scope: "col"}, "Picture"),
      make("th", {scope: "col"}, "Classifier"),
      ...Array.from({length: 10}, (_, i) => make("th", {scope: "col"}, String(i))));
    const body = rows.flatMap(([picture, reading]) => ["a", "b"].map(name => make("tr", {},
      make("th", {scope: "row"}, picture.title), make("td", {}, name.toUpperCase()),
      ...reading[name].map((chance, i) => {
        const largest = i === indexOfLargest(reading[name]);
        const kind = !largest ? "" : i === digit ? "largest" : "largest wrong";
        return make("td", {class: kind}, percent(chance));
      }))));
    byId("table").replaceChildren(make("caption", {}, "Probability of each digit"),
      make("thead", {}, header), make("tbody", {}, ...body));
  }

  /** Shows the drawing of a link, or the example if it holds none. */
  function open(text) {
    const linked = fromLink(text, settings.digits.length);
    set(isEmpty(linked) && text === "" ? fromLink(settings.example, settings.digits.length) : linked);
  }

  return {open, chain, get drawing() { return drawing; }, get results() { return {latest, drawn}; }};
})();
