// Which part of the page is shown, and the address that says so: #draw?..., #game?..., #photo.
"use strict";

/** Writes the state of a part into the address, so that a copied link opens it again. */
function setAddress(name, text) {
  const address = `#${name}${text ? `?${text}` : ""}`;
  if (byId(name).hidden || location.hash === address) return;
  try {
    history.replaceState(null, "", address);
  } catch { /* some browsers forbid it for files: then there is no link */ }
}

const parts = {draw, game, photo};

/** Shows a part of the page and hides the others. */
function choosePage(name) {
  for (const id of Object.keys(parts)) byId(id).hidden = id !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function followAddress() {
  const [, name, text] = /^#(\w+)\??(.*)$/.exec(location.hash) ?? [];
  const known = name in parts ? name : "draw";
  choosePage(known);
  // Back on the drawing without a link to another one, it is still there.
  if (known !== "draw" || text || !draw.drawing.strokes.length && draw.drawing.digit === null) {
    parts[known].open(text ?? "");
  }
}

// The site's own choice of light or dark, where this page is a part of it.
try {
  const theme = localStorage.getItem("theme");
  if (["dark", "light"].includes(theme)) document.documentElement.dataset.theme = theme;
} catch { /* not allowed for some files */ }

window.addEventListener("hashchange", followAddress);
if (!("DecompressionStream" in window)) trouble(new Error("this browser is too old"));
else followAddress();
