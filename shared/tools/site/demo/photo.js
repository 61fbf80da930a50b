// The part "Zoom into a photo".
"use strict";

const photo = (() => {
  const MARGIN = settings.reach; // pixels that the network sees around its own
  const TILE = Math.max(192, 6 * MARGIN); // side of a tile, so that margins are the smaller part
  const MOST_CELLS = 100; // that one result may be made of
  const WIDEST_PREVIEW = 1000;
  const LENS = 48; // side of the lens in pixels of the result
  const LENS_SCALE = 4;

  let source = null; // {blob, name, width, height, rows, columns}
  let part = null; // {row, column, down, across}: the first cell, and how many
  let reading = 0; // a number that changes when another photo is taken
  let job = 0; // a number that changes when a computation is cancelled
  let result = null; // {name, original, x, y, width, height}

  const say = text => { byId("photo-status").textContent = text; };
  const spanOf = (cells, first, count) => [cells[first].first, cells[first + count - 1].end];

  // ---- which photo

  async function take(blob, name) {
    const mine = ++reading;
    cancel();
    say("The photo is being read.");
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob); // turned as its EXIF data say
    } catch {
      if (mine !== reading) return;
      say(blob.type.startsWith("image/") || !blob.type
        ? `${name} cannot be read: it is damaged or too large, or this browser does not know its `
          + "format. Try JPEG, PNG or WebP."
        : `${name} is not a photo: choose a JPEG, PNG or WebP file.`);
      return;
    }
    if (mine !== reading) return;
    const {width, height} = bitmap;
    source = {blob, name, width, height, columns: grid(width, TILE, MARGIN),
      rows: grid(height, TILE, MARGIN)};
    const scale = Math.min(WIDEST_PREVIEW / Math.max(width, height), 1);
    const preview = byId("preview");
    preview.width = Math.max(Math.round(width * scale), 1);
    preview.height = Math.max(Math.round(height * scale), 1);
    const context = preview.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, preview.width, preview.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, preview.width, preview.height);
    bitmap.close(); // from now on only the file and the preview take memory
    preview.setAttribute("aria-label", `The photo ${name}`);
    part = result = null;
    byId("enhanced").hidden = true;
    byId("chosen").hidden = false;
    say(`${name} has ${width} x ${height} pixels.`);
    offerExtents();
    photoEngines().catch(trouble); // so that they are ready when they are needed
  }

  byId("file").addEventListener("change", event => {
    const [file] = event.target.files;
    if (file) take(file, file.name);
    event.target.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", event => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    choosePage("photo");
    take(file, file.name || "pasted");
  });
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, event => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault(); // otherwise the browser would leave the page for the photo
      if (kind === "drop" && event.dataTransfer.files.length) {
        choosePage("photo");
        take(event.dataTransfer.files[0], event.dataTransfer.files[0].name);
      }
    });
  }

  for (const {name, title} of settings.photos) {
    const bytes = Uint8Array.from(atob(byId(`photo-${name}`).textContent),
      letter => letter.charCodeAt(0));
    const blob = new Blob([bytes], {type: "image/webp"});
    const picture = make("img", {alt: title, src: URL.createObjectURL(blob)});
    const button = make("button", {type: "button"}, picture);
    button.addEventListener("click", () => take(blob, `${name}.webp`));
    byId("shelf").append(button);
  }

  // ---- which part

  function offerExtents() {
    const down = source.rows.tiles.length, across = source.columns.tiles.length;
    const choices = [1, 2, 3, 5].filter(count => count < Math.max(down, across))
      .map(count => [Math.min(count, down), Math.min(count, across)]);
    if (down * across <= MOST_CELLS) choices.push([down, across]);
    const middle = ([d, a]) => [Math.floor((down - d) / 2), Math.floor((across - a) / 2)];
    byId("extent").replaceChildren(...choices.map(([d, a], i) => {
      const [row, column] = middle([d, a]);
      const [top, bottom] = spanOf(source.rows.tiles, row, d);
      const [left, right] = spanOf(source.columns.tiles, column, a);
      const whole = d === down && a === across;
      return make("option", {value: `${d},${a}`}, whole ? "the whole photo"
        : `${["small", "medium", "large", "very large"][i]}, about ${right - left} x ${bottom - top}`);
    }));
    byId("extent").selectedIndex = Math.min(1, choices.length - 1);
    setExtent();
  }

  function setExtent() {
    const [down, across] = byId("extent").value.split(",").map(Number);
    const middleRow = part ? part.row + part.down / 2 : source.rows.tiles.length / 2;
    const middleColumn = part ? part.column + part.across / 2 : source.columns.tiles.length / 2;
    part = {down, across};
    byId("down").max = source.rows.tiles.length - down;
    byId("across").max = source.columns.tiles.length - across;
    movePart(Math.floor(middleRow - down / 2), Math.floor(middleColumn - across / 2));
  }

  function movePart(row, column) {
    const inside = (value, input) => Math.min(Math.max(value, 0), Number(byId(input).max));
    part.row = inside(row, "down");
    part.column = inside(column, "across");
    byId("down").value = part.row;
    byId("across").value = part.column;
    byId("down").disabled = byId("down").max === "0";
    byId("across").disabled = byId("across").max === "0";
    const {x, y, width, height} = region();
    Object.assign(byId("frame").style, {left: `${100 * x / source.width}%`,
      top: `${100 * y / source.height}%`, width: `${100 * width / source.width}%`,
      height: `${100 * height / source.height}%`});
    const text = `${width} x ${height} pixels at ${x}, ${y} become ${2 * width} x ${2 * height}.`;
    byId("part").textContent = text;
    byId("across").setAttribute("aria-valuetext", text);
    byId("down").setAttribute("aria-valuetext", text);
  }

  /** The chosen part in pixels of the photo. */
  function region() {
    const [top, bottom] = spanOf(source.rows.tiles, part.row, part.down);
    const [left, right] = spanOf(source.columns.tiles, part.column, part.across);
    return {x: left, y: top, width: right - left, height: bottom - top};
  }

  byId("extent").addEventListener("change", setExtent);
  byId("down").addEventListener("input", () => movePart(Number(byId("down").value), part.column));
  byId("across").addEventListener("input", () => movePart(part.row, Number(byId("across").value)));
  onPoint(byId("whole"), (x, y) => {
    const cell = ({tiles}, value) => tiles.findIndex(({end}) => value < end);
    movePart(cell(source.rows, y * source.height) - Math.floor((part.down - 1) / 2),
      cell(source.columns, x * source.width) - Math.floor((part.across - 1) / 2));
  });

  /** Calls use(x, y), from 0 to 1, where an element is pressed or a pressed pointer moves. */
  function onPoint(element, use, alsoHover = false) {
    const point = event => {
      const box = element.getBoundingClientRect();
      const inside = value => Math.min(Math.max(value, 0), 0.9999);
      use(inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height));
    };
    element.addEventListener("pointerdown", event => {
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      point(event);
    });
    element.addEventListener("pointermove", event => {
      if (event.buttons || alsoHover) point(event);
    });
  }

  // ---- the computation

  /** Pixels of the photo, RGBA on white. The file is decoded again, so memory stays free. */
  async function pixelsOf({blob}, x, y, width, height) {
    // Whole, since Chromium cuts a part out before it turns the photo.
    const bitmap = await createImageBitmap(blob);
    const canvas = make("canvas", {width, height});
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, -x, -y);
    bitmap.close();
    return context.getImageData(0, 0, width, height);
  }

  function cutOut(image, x, y, width, height) {
    const bytes = new Uint8ClampedArray(4 * width * height);
    for (let row = 0; row < height; row++) {
      const start = 4 * ((y + row) * image.width + x);
      bytes.set(image.data.subarray(start, start + 4 * width), 4 * row * width);
    }
    return bytes;
  }

  async function enhance() {
    const mine = ++job, taken = source, target = region(), {row, column, down, across} = part;
    const rows = taken.rows.tiles.slice(row, row + down);
    const columns = taken.columns.tiles.slice(column, column + across);
    const [left, top] = [columns[0].start, rows[0].start];
    const [tileWidth, tileHeight] = [taken.columns.length, taken.rows.length];
    working(true);
    say("The network is being loaded.");
    try {
      const engines = await photoEngines();
      const around = await pixelsOf(taken, left, top, columns.at(-1).start + tileWidth - left,
        rows.at(-1).start + tileHeight - top);
      const [plain, sharp] = ["plain", "sharp"].map(() =>
        make("canvas", {width: 2 * target.width, height: 2 * target.height}));
      const tiles = rows.flatMap(down => columns.map(across => ({down, across})));
      const begun = performance.now();
      let next = 0, done = 0;
      const work = async engine => {
        while (next < tiles.length && mine === job) {
          const {down, across} = tiles[next++];
          const answer = await engine.ask("enhance", {height: tileHeight, width: tileWidth,
            rgba: cutOut(around, across.start - left, down.start - top, tileWidth, tileHeight)});
          if (mine !== job) return;
          put(plain, answer.plain, across, down, target);
          put(sharp, answer.enhanced, across, down, target);
          done++;
          const rest = (performance.now() - begun) / done * (tiles.length - done) / 1000;
          byId("progress").value = done / tiles.length;
          say(`${done} of ${tiles.length} tiles are done, about ${Math.ceil(rest)} s are left.`);
        }
      };
      await Promise.all(engines.map(work));
      if (mine !== job) return;
      const name = taken.name.replace(/\.[^.]*$/, "");
      const original = cutOut(around, target.x - left, target.y - top, target.width, target.height);
      show(plain, sharp, {...target, name: `${name}_at_${target.x}_${target.y}`,
        original: new ImageData(original, target.width, target.height)});
      say(`Done: ${target.width} x ${target.height} pixels became ${2 * target.width} x `
        + `${2 * target.height}.`);
    } catch (error) {
      if (mine === job) trouble(error);
    }
    if (mine === job) working(false);
  }

  /** Puts the right part of an enlarged tile in its place in the result. */
  function put(canvas, rgba, across, down, target) {
    const {length} = source.columns;
    const [width, height] = [across.end - across.first, down.end - down.first].map(n => 2 * n);
    canvas.getContext("2d").putImageData(new ImageData(rgba, 2 * length),
      2 * (across.start - target.x), 2 * (down.start - target.y),
      2 * (across.first - across.start), 2 * (down.first - down.start), width, height);
  }

  function working(busy) {
    const focused = document.activeElement === byId("cancel");
    byId("enhance").hidden = busy;
    if (focused && !busy) byId("enhance").focus({preventScroll: true});
    byId("cancel").hidden = byId("progress").hidden = !busy;
    byId("progress").value = 0;
  }

  function cancel() {
    job++;
    working(false);
  }

  byId("enhance").addEventListener("click", () => {
    enhance();
    byId("cancel").focus();
  });
  byId("cancel").addEventListener("click", () => {
    cancel();
    say("Cancelled.");
  });

  // ---- the result

  function show(plain, sharp, next) {
    result = next;
    for (const [id, canvas] of [["plain", plain], ["sharp", sharp]]) {
      const shown = byId(id);
      [shown.width, shown.height] = [canvas.width, canvas.height];
      shown.getContext("2d", {willReadFrequently: true}).drawImage(canvas, 0, 0);
    }
    const size = `${2 * next.width} x ${2 * next.height} pixels`;
    byId("plain").setAttribute("aria-label", `The part enlarged by bicubic, ${size}`);
    byId("sharp").setAttribute("aria-label", `The part enlarged by the network, ${size}`);
    byId("enhanced").hidden = false;
    fit();
    byId("lens-x").max = Math.max(2 * next.width - LENS, 0);
    byId("lens-y").max = Math.max(2 * next.height - LENS, 0);
    moveLens(...mostDifferent());
    byId("enhanced").scrollIntoView({block: "nearest"});
  }

  /** The corner (x, y) of the lens where bicubic and the network differ most. */
  function mostDifferent() {
    const [plain, sharp] = ["plain", "sharp"].map(id => {
      const {width, height} = byId(id);
      return byId(id).getContext("2d").getImageData(0, 0, width, height);
    });
    let best = [0, 0], most = -1;
    for (let y = 0; y + LENS <= plain.height; y += LENS / 2) {
      for (let x = 0; x + LENS <= plain.width; x += LENS / 2) {
        let sum = 0;
        for (let row = y; row < y + LENS; row++) {
          for (let column = x; column < x + LENS; column++) {
            const green = 4 * (row * plain.width + column) + 1;
            sum += Math.abs(plain.data[green] - sharp.data[green]);
          }
        }
        if (sum > most) [best, most] = [[x, y], sum];
      }
    }
    return best;
  }

  /** Shows the result with a whole number of screen pixels per pixel, if there is room. */
  function fit() {
    const all = document.querySelector(".compare"), lenses = document.querySelector(".lenses");
    const beside = matchMedia("(min-width: 64rem)").matches ? lenses.offsetWidth + 16 : 0;
    const room = all.clientWidth - beside;
    const times = Math.min(Math.floor(room / (2 * result.width)), 2);
    for (const id of ["pair", "under"]) {
      byId(id).style.width = `${times ? 2 * result.width * times : room}px`;
    }
    byId("pair").classList.toggle("exact", times > 0);
  }

  function moveLens(x, y) {
    const [width, height] = [2 * result.width, 2 * result.height];
    const inside = (value, id) => Math.min(Math.max(Math.round(value), 0), Number(byId(id).max));
    const [left, top] = [inside(x, "lens-x"), inside(y, "lens-y")];
    byId("lens-x").value = left;
    byId("lens-y").value = top;
    Object.assign(byId("lens-frame").style, {left: `${100 * left / width}%`,
      top: `${100 * top / height}%`, width: `${100 * LENS / width}%`,
      height: `${100 * LENS / height}%`});
    const original = make("canvas", {width: result.width, height: result.height});
    original.getContext("2d").putImageData(result.original, 0, 0);
    for (const [id, from, scale] of [["lens-photo", original, 2], ["lens-plain", byId("plain"), 1],
      ["lens-sharp", byId("sharp"), 1]]) {
      const canvas = byId(id);
      canvas.width = canvas.height = LENS * LENS_SCALE;
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(from, left / scale, top / scale, LENS / scale, LENS / scale, 0, 0,
        canvas.width, canvas.height);
    }
  }

  function moveDivider() {
    byId("pair").style.setProperty("--at", `${byId("slider").value}%`);
  }

  byId("slider").addEventListener("input", moveDivider);
  byId("divider").addEventListener("pointerdown", event => {
    event.stopPropagation(); // it is not the lens that is moved
    event.preventDefault();
    byId("divider").setPointerCapture(event.pointerId);
  });
  byId("divider").addEventListener("pointermove", event => {
    event.stopPropagation();
    if (!event.buttons) return;
    const box = byId("pair").getBoundingClientRect();
    byId("slider").value = 100 * (event.clientX - box.left) / box.width;
    moveDivider();
  });
  onPoint(byId("pair"), (x, y) => {
    moveLens(2 * result.width * x - LENS / 2, 2 * result.height * y - LENS / 2);
  }, true);
  for (const id of ["lens-x", "lens-y"]) {
    byId(id).addEventListener("input", () =>
      moveLens(Number(byId("lens-x").value), Number(byId("lens-y").value)));
  }
  window.addEventListener("resize", () => { if (result) fit(); });

  function save(id, ending) {
    byId(id).toBlob(blob => {
      const link = make("a", {href: URL.createObjectURL(blob), download: `${result.name}_${ending}.png`});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, "image/png");
  }

  byId("save").addEventListener("click", () => save("sharp", "x2"));
  byId("save-plain").addEventListener("click", () => save("plain", "x2_bicubic"));
  moveDivider();

  return {open: () => setAddress("photo", ""), take, movePart, get source() { return source; },
    get part() { return part; }, pixelsOf, get result() { return result; }};
})();
