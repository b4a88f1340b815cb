// The output of a run as it comes. What it wrote is put in as text and never as markup.
"use strict";

const log = document.getElementById("log");
const follow = document.getElementById("follow");
const CHARACTERS_MAX = 1000000;

if (log.dataset.stream) {
  const stream = new EventSource(log.dataset.stream);
  stream.addEventListener("output", (event) => {
    const piece = JSON.parse(event.data);
    const shown = outputOf(piece.attempt);
    shown.append(document.createTextNode(piece.text));
    forget(shown);
    document.getElementById("log-none").hidden = true;
    if (follow.checked) shown.scrollTop = shown.scrollHeight;
  });
  stream.addEventListener("end", () => {
    stream.close();
    follow.closest("label").hidden = true;
  });
  follow.addEventListener("change", showEnds);
  showEnds();
}

function showEnds() {
  if (follow.checked) log.querySelectorAll("pre").forEach((shown) => (shown.scrollTop = shown.scrollHeight));
}

function outputOf(attempt) {
  const known = log.querySelector(`pre[data-attempt="${Number(attempt)}"]`);
  if (known) return known;
  if (log.querySelector("pre")) {
    const head = document.createElement("h3");
    head.textContent = attempt > 30000 ? "Clean-up" : `Attempt ${Number(attempt)}`;
    log.append(head);
  }
  const made = document.createElement("pre");
  made.className = "wrap output";
  made.tabIndex = 0;
  made.dataset.attempt = attempt;
  log.append(made);
  return made;
}

// A run that writes without end must not fill the reader's memory.
function forget(shown) {
  let characters = shown.textContent.length;
  while (characters > CHARACTERS_MAX && shown.childNodes.length > 1) {
    characters -= shown.firstChild.length;
    shown.firstChild.remove();
  }
}
