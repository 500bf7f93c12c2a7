// Brings the cells of stations up to date, and ticks all stations of a page.
document.addEventListener("live:cells", ({ detail }) => {
  for (const row of document.querySelectorAll("[data-station]")) {
    const cells = detail[row.dataset.station];
    if (!cells) continue;
    if (cells.tone) row.dataset.tone = cells.tone;
    for (const place of row.querySelectorAll("[data-cell]")) {
      const text = cells[place.dataset.cell];
      if (text !== undefined && place.textContent !== text) place.textContent = text;
    }
  }
});

const all = document.getElementById("all");
if (all) {
  const ticks = [...document.querySelectorAll('input[name="station"]')];
  const send = document.getElementById("send");
  const count = () => {
    const ticked = ticks.filter((tick) => tick.checked).length;
    all.checked = ticked === ticks.length;
    all.indeterminate = ticked > 0 && ticked < ticks.length;
    send.disabled = ticked === 0;
    send.textContent = ticked ? `Send to ${ticked}` : "Send";
  };
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    count();
  });
  for (const tick of ticks) tick.addEventListener("change", count);
  count();
}
