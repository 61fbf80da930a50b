// Slides, one at a time. Keys: arrows, Page Up and Down, space, Home, End, F for full screen.
"use strict";

const all = [...document.querySelectorAll(".slide")];
const place = document.getElementById("place");
let now = 0;

function go(to) {
  now = Math.max(0, Math.min(all.length - 1, to));
  all.forEach((slide, number) => slide.classList.toggle("shown", number === now));
  place.textContent = `${now + 1} of ${all.length}`;
  document.getElementById("previous").disabled = now === 0;
  document.getElementById("next").disabled = now === all.length - 1;
  try { history.replaceState(null, "", `#${now + 1}`); } catch { /* a page from a file may not */ }
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

const keys = {
  ArrowRight: () => go(now + 1), PageDown: () => go(now + 1), " ": () => go(now + 1),
  ArrowLeft: () => go(now - 1), PageUp: () => go(now - 1),
  Home: () => go(0), End: () => go(all.length - 1), f: fullScreen,
};
addEventListener("keydown", event => {
  const onControl = event.target.closest("button, summary, a");
  if (event.altKey || event.ctrlKey || event.metaKey || (onControl && event.key === " ")) return;
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

let start = null;
addEventListener("touchstart", event => { start = event.touches.length === 1 ? event.touches[0] : null; });
addEventListener("touchend", event => {
  if (!start) return;
  const end = event.changedTouches[0], across = end.clientX - start.clientX;
  if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(end.clientY - start.clientY)) go(now + (across < 0 ? 1 : -1));
  start = null;
});
addEventListener("hashchange", () => go(parseInt(location.hash.slice(1), 10) - 1 || 0));
document.getElementById("previous").addEventListener("click", () => go(now - 1));
document.getElementById("next").addEventListener("click", () => go(now + 1));
document.getElementById("full").addEventListener("click", fullScreen);
document.body.classList.add("one");
go(parseInt(location.hash.slice(1), 10) - 1 || 0);
