// Keeps the page of a running document, or of the queue, up to date: asks how far it is, and for the text where that
// changed.
"use strict";

const PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;

async function ask(url) {
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Where someone reads with the keyboard or marks words, nothing is taken away from under them.
function isInUse(element) {
  const selection = document.getSelection();
  const isMarked = selection && !selection.isCollapsed && element.contains(selection.anchorNode);
  return isMarked || element.contains(document.activeElement);
}

async function step() {
  const queue = document.getElementById("live-queue");
  if (queue === null) return stepDocument();
  const now = (await ask(queue.dataset.url)).getElementById("live-queue");
  // Neither a button nor a row moves away from under someone who is about to press it.
  if (!isInUse(queue) && !queue.matches(":hover") && queue.innerHTML !== now.innerHTML) queue.replaceWith(now);
  return true;
}

async function stepDocument() {
  const before = document.getElementById("progress");
  const now = (await ask(before.dataset.url)).getElementById("progress");
  const isChanged = now.dataset.stamp !== before.dataset.stamp;
  const isRunning = now.dataset.running === "yes";
  const text = document.getElementById("live-text");
  if (isChanged && isRunning && !isInUse(text)) {
    text.replaceWith((await ask(location.href)).getElementById("live-text"));
  }
  if (isRunning) {
    // An old stamp is kept where the text was not shown, so that the next step tries again.
    if (isChanged && isInUse(text)) now.dataset.stamp = before.dataset.stamp;
    before.replaceWith(now);
  } else {
    location.reload();
  }
  return isRunning;
}

async function follow() {
  let pause = PAUSE_MS;
  for (;;) {
    await new Promise((wake) => setTimeout(wake, pause));
    if (document.hidden) continue;
    try {
      if (!(await step())) return;
      pause = PAUSE_MS;
    } catch {
      // The server ended, or the document is gone: a reload says so, this only asks less often.
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }
}

follow();
