// Pages of the course: answers that are hidden until asked, pictures under a slider, and outputs
// that the keyboard can scroll. Without this script all answers and pictures are shown.
"use strict";

const KEPT = "answers-shown"; // in the browser's storage: "1" shows all answers at once

function stored() {
  try { return localStorage.getItem(KEPT) === "1"; } catch { return false; }
}

function store(shown) {
  try { localStorage.setItem(KEPT, shown ? "1" : "0"); } catch { /* a page from a file may not */ }
}

function predictions() {
  const questions = [];
  for (const box of document.querySelectorAll(".predict")) {
    const number = [...box.classList].find(name => /^predict-\d+$/.test(name)).slice(8);
    const answers = [...document.querySelectorAll(`.answer-${number}`)];
    if (!answers.length) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ask";
    const note = document.createElement("p");
    note.className = "kept";
    note.textContent = "What comes out, and the answer, are hidden until you ask for them above.";
    answers[0].before(note);
    const show = shown => {
      for (const answer of answers) {
        // In a browser that knows it, "until-found" lets a search in the page open the answer.
        if (shown) answer.removeAttribute("hidden");
        else answer.setAttribute("hidden", "until-found");
      }
      note.hidden = shown;
      button.textContent = shown ? "Hide the answer" : "Show the answer";
      button.setAttribute("aria-expanded", shown);
    };
    button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
    for (const answer of answers) answer.addEventListener("beforematch", () => show(true));
    box.append(button);
    questions.push(show);
  }
  return questions;
}

function switchForAll(questions) {
  const bar = document.querySelector(".lesson-bar ul");
  const all = shown => questions.forEach(show => show(shown));
  all(stored());
  if (!bar || !questions.length) return;
  const button = document.createElement("button");
  button.type = "button";
  const label = () => { button.textContent = stored() ? "Hide all answers" : "Show all answers"; };
  button.addEventListener("click", () => {
    const shown = button.textContent === "Show all answers";
    store(shown);
    all(shown);
    button.textContent = shown ? "Hide all answers" : "Show all answers";
  });
  label();
  const item = document.createElement("li");
  item.append(button);
  bar.append(item);
}

function slider(box) {
  const [before, after] = box.querySelectorAll("img");
  if (!after) return;
  const pair = document.createElement("div");
  pair.className = "pair";
  const line = document.createElement("div");
  line.className = "line";
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: 0, max: 100, step: 0.5, value: 50 });
  range.setAttribute("aria-label", "How much of the first picture is shown, left of the line");
  after.classList.add("after");
  pair.append(before, after, line);
  const captions = [...box.querySelectorAll("figcaption")];
  box.replaceChildren(pair, range, ...captions);
  box.classList.add("ready");
  const move = () => pair.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", move);
  const drag = event => {
    const frame = pair.getBoundingClientRect();
    range.value = 100 * (event.clientX - frame.left) / frame.width;
    move();
  };
  pair.addEventListener("pointerdown", event => { pair.setPointerCapture(event.pointerId); drag(event); });
  pair.addEventListener("pointermove", event => { if (event.buttons || event.pointerType === "mouse") drag(event); });
  before.draggable = after.draggable = false;
  move();
}

function scrollByKeyboard() {
  for (const box of document.querySelectorAll(".bd-article :is(pre, .output, .cell_output, figure, .formula, .pst-scrollable-table-container)")) {
    if (box.scrollWidth > box.clientWidth && !box.querySelector("a, button, input")) box.tabIndex = 0;
  }
}

switchForAll(predictions());
document.querySelectorAll(".slider").forEach(slider);
addEventListener("load", scrollByKeyboard);
addEventListener("resize", scrollByKeyboard);
