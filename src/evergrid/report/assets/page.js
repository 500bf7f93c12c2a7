// Draws the figures of a report, in the colours of the reader's scheme, and again when it changes.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const templates = JSON.parse(document.getElementById("templates").textContent);
  const printWidth = 670; // CSS pixels between the margins of an A4 sheet, inside the figure's own
  const config = {
    displaylogo: false,
    responsive: true,
    // Named one by one: Plotly's own set has a button that sends the data to its makers' server.
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    plotlyServerURL: "",
  };
  const figures = [...document.querySelectorAll("script.drawing")].map((script) => ({
    place: document.getElementById(script.dataset.plot),
    ...JSON.parse(script.textContent),
  }));

  const scheme = () => root.dataset.theme || (dark.matches ? "dark" : "light");

  function draw(name, width) {
    for (const { place, data, layout } of figures) {
      const themed = { ...layout, template: templates[name], uirevision: "kept" };
      if (width) Object.assign(themed, { width, autosize: false });
      try {
        Plotly.react(place, data, structuredClone(themed), config);
      } catch (error) {
        place.className = "failed";
        place.textContent = "This figure could not be drawn: " + error;
      }
    }
  }

  const redraw = () => draw(scheme());
  redraw();
  root.dataset.figures = "drawn";
  dark.addEventListener("change", redraw);
  new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
    draw("light", printWidth);
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    redraw();
  });
})();
