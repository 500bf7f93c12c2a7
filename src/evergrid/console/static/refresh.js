// Reads the page again now and then, and replaces the parts that may have changed.
import { hide, show } from "./banner.js";

const every = 1000 * Number(document.body.dataset.refreshS);
const streamed = Boolean(document.body.dataset.stream);

const FOCUSED = "a, button, summary, [tabindex]";
const named = (node) => node.getAttribute("aria-label") || node.textContent;

function replaced(old, fresh) {
  if (!fresh || old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches("input, select, textarea")) return; // somebody is about to choose
  const label = focused && named(focused);
  const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
  const scrolled = [...old.querySelectorAll(".table")].map((table) => table.scrollLeft);
  old.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (label) [...old.querySelectorAll(FOCUSED)].find((node) => named(node) === label)?.focus();
  [...old.querySelectorAll(".table")].forEach((table, i) => (table.scrollLeft = scrolled[i] || 0));
}

async function again() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) {
      show("You are logged out.", "/login?next=" + encodeURIComponent(location.pathname));
      return;
    }
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-refresh]")) {
      replaced(old, page.getElementById(old.id));
    }
    if (!streamed) hide();
    document.documentElement.dataset.refreshed = String(Date.now());
  } catch {
    if (!streamed) show("The connection is cut. What you see is not up to date.");
  }
}

if (every) setInterval(again, every);
