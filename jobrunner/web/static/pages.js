// Keys, the reader's zone, and live parts that hold still while they are read. All of it is comfort:
// every page works without it.
"use strict";

const PREFIX = document.body.dataset.prefix;
const PLACES = { o: "/", j: "/jobs", r: "/runs", c: "/changes" };
const A_YEAR_SECONDS = 31536000;
let goesSomewhere = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const place = goesSomewhere ? PLACES[event.key] : undefined;
  goesSomewhere = event.key === "g";
  if (place !== undefined) {
    location.assign(PREFIX + place);
  } else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else {
      location.assign(PREFIX + "/jobs");
    }
  } else if (event.key === "?") {
    document.getElementById("keys").showModal();
  }
});

function isTyping(element) {
  return element.closest("input, select, textarea, [contenteditable]") !== null;
}

// What is marked, focused or not looked at is not replaced; the next request of the part comes soon.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target;
  if (!part.hasAttribute("data-live")) return;
  const marked = document.getSelection();
  const isMarked = !marked.isCollapsed && part.contains(marked.anchorNode);
  const isOpen = part.querySelector("details[open]") !== null;
  if (document.hidden || isMarked || isOpen || part.matches(":focus-within")) event.preventDefault();
});

if (!document.cookie.includes("jobrunner_zone=")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const path = PREFIX || "/";
  if (zone) {
    document.cookie = `jobrunner_zone=${encodeURIComponent(zone)}; Path=${path}; Max-Age=${A_YEAR_SECONDS}; SameSite=Lax`;
  }
}
