// Says when what is shown is old, and why.
const place = document.getElementById("stale");
const live = document.getElementById("live");

export function show(text, link) {
  if (place.dataset.text !== text) {
    place.dataset.text = text;
    place.textContent = text + " ";
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.textContent = "Log in again";
      place.append(anchor);
    }
  }
  place.hidden = false;
  if (live) {
    live.textContent = "not live";
    live.classList.add("old");
  }
}

export function hide() {
  if (place.hidden) return;
  place.hidden = true;
  place.dataset.text = "";
  if (live) {
    live.textContent = "live";
    live.classList.remove("old");
  }
}
