// What is drawn, as pen strokes, and how it becomes 28x28 pixels as in MNIST.
//
// A drawing is {digit, strokes, right, down}. `digit` is the number of a shipped digit under the
// strokes, or null. A stroke is {erase, points}, and a point is [x, y], whole numbers from 0 to
// 255 across the pad. At the end everything is moved by `right` and `down` pixels.
"use strict";

const SIDE = 28;
const BOX = 20; // the longer side of a digit of MNIST, in pixels
const PEN = 2.4; // width of the pen in pixels of the 28x28 image
const ERASER = 4;

const emptyDrawing = () => ({digit: null, strokes: [], right: 0, down: 0});

const isEmpty = drawing => drawing.digit === null && !drawing.strokes.some(stroke => !stroke.erase);

/**
 * The drawing as an image of 28x28 numbers from 0 (paper) to 1 (ink).
 *
 * MNIST fits each digit into a box of 20x20 pixels, keeping its shape, and then puts its centre
 * of mass into the middle of 28x28 pixels. So are the strokes here: they are scaled and moved as
 * lines, and drawn once in their final place. The pen has the same width in every drawing. What
 * is drawn onto a shipped digit stays where it is, since that digit is in its place already.
 */
function asMnist(drawing, shipped) {
  let image = new Float32Array(SIDE * SIDE);
  if (drawing.digit !== null) {
    image = Float32Array.from(shipped[drawing.digit].pixels);
    const scale = SIDE / 255;
    paint(image, drawing.strokes, ([x, y]) => [x * scale, y * scale]);
  } else if (!isEmpty(drawing)) {
    const points = drawing.strokes.filter(stroke => !stroke.erase).flatMap(({points}) => points);
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const scale = Math.min((BOX - PEN) / Math.max(right - left, bottom - top, 1), 1);
    const placed = (moveX, moveY) => ([x, y]) => [
      (x - (left + right) / 2) * scale + SIDE / 2 + moveX,
      (y - (top + bottom) / 2) * scale + SIDE / 2 + moveY];
    paint(image, drawing.strokes, placed(0, 0));
    const [massX, massY] = centreOfMass(image);
    image.fill(0);
    paint(image, drawing.strokes, placed(SIDE / 2 - massX, SIDE / 2 - massY));
  }
  return moved(image, drawing.right, drawing.down);
}

/**
 * Draws strokes onto an image, one after the other, each point put in its place by `place`.
 *
 * How much of a pixel the pen covers follows from the distance of the pixel's middle from the
 * line: all of it half a pixel inside the edge of the stroke, nothing half a pixel outside.
 */
function paint(image, strokes, place) {
  for (const {erase, points} of strokes) {
    const radius = (erase ? ERASER : PEN) / 2;
    const path = points.map(place);
    const distances = new Float32Array(image.length).fill(Infinity);
    for (let i = 0; i < path.length; i++) {
      measure(distances, path[Math.max(i - 1, 0)], path[i], radius + 1);
    }
    distances.forEach((distance, pixel) => {
      const covered = Math.min(Math.max(radius - distance + 0.5, 0), 1);
      image[pixel] = erase ? Math.min(image[pixel], 1 - covered) : Math.max(image[pixel], covered);
    });
  }
}

/** Lowers distances to those from the line from a to b, for pixels that are nearer than `reach`. */
function measure(distances, a, b, reach) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const square = dx * dx + dy * dy;
  const from = low => Math.max(Math.floor(low - reach), 0);
  const to = high => Math.min(Math.ceil(high + reach), SIDE);
  for (let row = from(Math.min(a[1], b[1])); row < to(Math.max(a[1], b[1])); row++) {
    for (let column = from(Math.min(a[0], b[0])); column < to(Math.max(a[0], b[0])); column++) {
      const x = column + 0.5 - a[0], y = row + 0.5 - a[1];
      const along = square ? Math.min(Math.max((x * dx + y * dy) / square, 0), 1) : 0;
      const distance = Math.hypot(x - along * dx, y - along * dy);
      const pixel = row * SIDE + column;
      distances[pixel] = Math.min(distances[pixel], distance);
    }
  }
}

/** The centre of mass (x, y) of a 28x28 image in pixels, where the middle is (14, 14). */
function centreOfMass(image) {
  let total = 0, x = 0, y = 0;
  image.forEach((value, i) => {
    total += value;
    x += value * (i % SIDE + 0.5);
    y += value * (Math.floor(i / SIDE) + 0.5);
  });
  return total ? [x / total, y / total] : [SIDE / 2, SIDE / 2];
}

/** The image moved by whole pixels; what leaves it is lost, and paper comes in. */
function moved(image, right, down) {
  return image.map((_, i) => {
    const x = i % SIDE - right, y = Math.floor(i / SIDE) - down;
    return x >= 0 && x < SIDE && y >= 0 && y < SIDE ? image[y * SIDE + x] : 0;
  });
}

/** A stroke with no more points than its shape needs: none further than `error` from the line. */
function simplified(points, error = 1) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points.at(-1)];
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  let worst = 0, split = 0;
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = [points[i][0] - a[0], points[i][1] - a[1]];
    const away = length ? Math.abs(x * (b[1] - a[1]) - y * (b[0] - a[0])) / length
      : Math.hypot(x, y);
    if (away > worst) [worst, split] = [away, i];
  }
  if (worst <= error) return [a, b];
  return [...simplified(points.slice(0, split + 1), error).slice(0, -1),
    ...simplified(points.slice(split), error)];
}

// ---- links
//
// The text of a drawing is made of letters that a link may hold. Each stroke is a byte with its
// number of points, plus 128 for an eraser, and then two bytes per point. After 127 points
// another such byte follows, with the number of further points of the same stroke.

/** A drawing as the end of a link, for example "digit=3&right=1&ink=Ag0V...". */
function toLink(drawing) {
  const bytes = [];
  for (const {erase, points} of drawing.strokes) {
    for (let i = 0; i <= points.length; i += 127) {
      const piece = points.slice(i, i + 127);
      bytes.push(piece.length + (erase ? 128 : 0), ...piece.flat());
    }
  }
  const link = new URLSearchParams();
  if (drawing.digit !== null) link.set("digit", drawing.digit);
  if (drawing.right) link.set("right", drawing.right);
  if (drawing.down) link.set("down", drawing.down);
  if (bytes.length) {
    const text = btoa(String.fromCharCode(...bytes));
    link.set("ink", text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, ""));
  }
  return link.toString();
}

/** The drawing of such a text. What cannot be read is left out. */
function fromLink(text, shippedCount) {
  const link = new URLSearchParams(text), drawing = emptyDrawing();
  const whole = (name, low, high) => {
    const number = Number(link.get(name) ?? NaN);
    return Number.isInteger(number) && number >= low && number <= high ? number : null;
  };
  drawing.digit = whole("digit", 0, shippedCount - 1);
  drawing.right = whole("right", -SIDE, SIDE) ?? 0;
  drawing.down = whole("down", -SIDE, SIDE) ?? 0;
  let bytes = "";
  try {
    bytes = atob((link.get("ink") ?? "").replace(/-/g, "+").replace(/_/g, "/"));
  } catch { /* not base64 */ }
  let stroke = null; // one that goes on
  for (let i = 0; i < bytes.length;) {
    const head = bytes.charCodeAt(i++), points = stroke?.points ?? [];
    for (let k = 0; k < head % 128 && i + 1 < bytes.length; k++, i += 2) {
      points.push([bytes.charCodeAt(i), bytes.charCodeAt(i + 1)]);
    }
    if (!stroke && points.length) drawing.strokes.push({erase: head > 127, points});
    stroke = head % 128 === 127 ? drawing.strokes.at(-1) : null;
  }
  return drawing;
}
