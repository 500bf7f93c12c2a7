// Draws the figures of a report, in the colours of the reader's scheme, and again when it changes.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const templates = JSON.parse(document.getElementById("templates").textContent);
  // CSS pixels between the margins of an A4 sheet, less those of the figure; and how much lower
  // than on a screen a figure is drawn, so that two share a sheet.
  const printWidth = 670;
  const printHeight = 0.8;
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

  const small = window.matchMedia("(max-width: 560px)");
  const hovers = window.matchMedia("(hover: hover)");

  // Characters of a line that a small screen has room for.
  const longest = 30;

  // Of a line within a figure.
  const longestNote = 36;

  // The text over several lines, broken between words; what is broken already stays so.
  function broken(text, most = longest) {
    const lines = [];
    for (const line of text.split("<br>")) {
      let row = "";
      for (const word of line.split(" ")) {
        if (row && row.length + word.length >= most) {
          lines.push(row);
          row = word;
        } else row = row ? row + " " + word : word;
      }
      lines.push(row);
    }
    return lines.join("<br>");
  }

  // On a small screen names in the legend break where they are long.
  function named(data, width) {
    if (!small.matches || width) return data;
    return data.map((trace) => (trace.name ? { ...trace, name: broken(trace.name) } : trace));
  }

  // Pixels that a small screen needs for the names above a figure: they stand one below the other,
  // and would take their room from the panels.
  const legendRow = 20;

  function legendHeight(data, layout) {
    if (layout.showlegend === false) return 0;
    const names = data.filter((trace) => trace.name && trace.showlegend !== false);
    return names.length > 2 ? legendRow * (names.length - 1) : 0;
  }

  // On a small screen titles break in two and ticks are fewer; a finger scrolls, it does not zoom.
  function fitted(data, layout, width) {
    const own = structuredClone(layout);
    own.uirevision = "kept";
    if (width) Object.assign(own, { width, height: printHeight * layout.height, autosize: false });
    if (!hovers.matches) own.dragmode = false;
    if (small.matches && !width) {
      own.height += legendHeight(data, layout);
      for (const note of own.annotations || []) {
        if (note.xref === "paper") note.text = broken(note.text, longestNote);
      }
    }
    if (small.matches && !width && own.xaxis) {
      own.xaxis.nticks = own.coloraxis ? 3 : 4;
      if (own.coloraxis) own.coloraxis.showscale = false; // the caption says what colours mean
      const title = own.xaxis.title;
      if (title && title.text) title.text = broken(title.text.replace(" (", "<br>("));
    }
    return own;
  }

  function draw(name, width) {
    const displayModeBar = hovers.matches && !small.matches ? "hover" : false;
    for (const { place, data, layout } of figures) {
      const own = { ...fitted(data, layout, width), template: templates[name] };
      place.style.height = own.height + "px";
      try {
        Plotly.react(place, named(data, width), own, { ...config, displayModeBar });
      } catch (error) {
        place.className = "failed";
        place.textContent = "This figure could not be drawn: " + error;
      }
    }
  }

  const redraw = () => draw(scheme());
  redraw();
  root.dataset.figures = "drawn";
  for (const query of [dark, small]) query.addEventListener("change", redraw);
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
