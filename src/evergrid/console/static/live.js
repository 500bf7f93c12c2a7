// Listens to the stream of the page, hands its events on, and says when it is cut.
import { hide, show } from "./banner.js";

const STALE_MS = 5000; // updates come each second
const RETRY_MS = 3000;
const HIDDEN_MS = 30000; // after which a page that nobody sees stops listening: browsers allow few streams
const names = ["bar", "words", "series", "cells", "station"];
const address = document.body.dataset.stream;
let source = null;
let heard = performance.now();
let hiding = 0;

function words(said) {
  for (const [name, text] of Object.entries(said)) {
    for (const place of document.querySelectorAll(`[data-word="${CSS.escape(name)}"]`)) {
      if (place.textContent !== text) place.textContent = text;
      if (name === "late") place.hidden = !text;
    }
  }
}

function take(event) {
  heard = performance.now();
  hide();
  const data = JSON.parse(event.data);
  if (event.type === "bar" || event.type === "words") words(data);
  else document.dispatchEvent(new CustomEvent("live:" + event.type, { detail: data }));
  document.documentElement.dataset.live = event.type;
}

function listen() {
  heard = performance.now();
  source = new EventSource(address);
  for (const name of names) source.addEventListener(name, take);
  source.addEventListener("error", failed);
}

function stop() {
  source?.close();
  source = null;
}

// What a page missed comes with loading it again, but for one in which somebody has written.
function again() {
  const written = [...document.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);
  if (written) listen();
  else location.reload();
}

async function failed() {
  if (!source) return;
  if (source.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
  source.close();
  let status = 0;
  try {
    status = (await fetch("/api/v1/me", { redirect: "error" })).status;
  } catch {
    // The service is away: it is asked again below.
  }
  if (status === 401) show("You are logged out.", "/login?next=" + encodeURIComponent(location.pathname));
  else setTimeout(() => source && listen(), RETRY_MS);
}

document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

if (address) {
  listen();
  setInterval(() => {
    const age = performance.now() - heard;
    if (source && age > STALE_MS && document.getElementById("stale").textContent.indexOf("logged out") < 0) {
      const time = document.querySelector('[data-word="time"]').textContent;
      show(`The connection is cut. What you see is as of ${time}.`);
    }
  }, 1000);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => {
    if (event.persisted) again();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(stop, HIDDEN_MS);
    else if (!source) again();
  });
}
