// Draws lines over time on a canvas: axes, units, a read-out by pointer or arrow keys.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LEFT = 58;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 26;
const number = (value, decimals) =>
  value == null ? "\u2013" : (Math.abs(value) < 0.5 / 10 ** decimals ? 0 : value).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "\u2212");

function niceStep(span, count) {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((n) => n * power >= raw);
}

function timeStep(span, count) {
  const steps = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  return steps.find((step) => span / step <= count) || 86400 * Math.ceil(span / count / 86400);
}

class Chart {
  constructor(figure) {
    this.canvas = figure.querySelector("canvas");
    this.outputs = [...figure.querySelectorAll(".legend output")];
    this.said = figure.querySelector(".said");
    Object.assign(this, JSON.parse(figure.querySelector("script").textContent));
    this.times = this.time_s;
    this.cursor = null;
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: this.zone };
    this.short = new Intl.DateTimeFormat("en", clock);
    this.long = new Intl.DateTimeFormat("en", { ...clock, second: "2-digit" });
    this.canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event.offsetX));
    this.canvas.addEventListener("pointerleave", () => this.move(null));
    this.canvas.addEventListener("blur", () => this.move(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    if (this.event) document.addEventListener("live:" + this.event, ({ detail }) => this.add(detail));
  }

  // Points of an update that are newer than what is there; the oldest go.
  add({ time_s, values }) {
    const last = this.times.at(-1) ?? -Infinity;
    time_s.forEach((time, i) => {
      if (time <= last) return;
      this.times.push(time);
      for (const name of Object.keys(this.values)) this.values[name].push(values[name]?.[i] ?? null);
    });
    const over = Math.max(this.times.length - this.points, 0);
    this.times.splice(0, over);
    for (const name of Object.keys(this.values)) this.values[name].splice(0, over);
    if (this.cursor !== null) this.cursor = Math.max(this.cursor - over, 0);
    this.draw();
  }

  value(line, i) {
    let sum = 0;
    for (const name of line.of) {
      const one = this.values[name]?.[i];
      if (one == null) return null;
      sum += one;
    }
    return sum;
  }

  range() {
    let low = this.least ?? Infinity;
    let high = this.most ?? -Infinity;
    for (const line of this.lines) {
      for (let i = 0; i < this.times.length; i++) {
        const value = this.value(line, i);
        if (value == null) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [0, 1];
    const step = niceStep(high - low, 4);
    return [this.least ?? Math.floor(low / step) * step, this.most ?? Math.ceil(high / step) * step, step];
  }

  draw() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !this.times.length) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const [low, high, step] = this.range();
    const first = this.times[0];
    const span = Math.max(this.times.at(-1) - first, 1);
    this.x = (time) => LEFT + ((time - first) / span) * (width - LEFT - RIGHT);
    this.y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
    this.axes(pen, { width, height, low, high, step, first, span });
    for (const line of this.lines) this.line(pen, line);
    this.read(pen, height);
    this.canvas.dataset.drawn = String(this.times.length);
  }

  axes(pen, { width, height, low, high, step, first, span }) {
    pen.font = `12px ${css("--font")}`;
    pen.lineWidth = 1;
    pen.fillStyle = css("--faint-ink");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
      const y = Math.round(this.y(n * step)) + 0.5;
      pen.strokeStyle = css(n === 0 ? "--strong-line" : "--line");
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(width - RIGHT, y);
      pen.stroke();
      pen.fillText(number(n * step || 0, decimals), LEFT - 8, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "top";
    const every = timeStep(span, Math.max(Math.floor(width / 90), 2));
    const format = every < 60 ? this.long : this.short;
    for (let time = Math.ceil(first / every) * every; time <= first + span; time += every) {
      const x = this.x(time);
      if (x > LEFT + 14 && x < width - RIGHT - 14) pen.fillText(format.format(time * 1000), x, height - BOTTOM + 8);
    }
  }

  line(pen, line) {
    pen.strokeStyle = css("--" + line.color);
    pen.lineWidth = line.dashed ? 1.5 : 2;
    pen.setLineDash(line.dashed ? [5, 4] : []);
    pen.lineJoin = "round";
    pen.beginPath();
    let down = false;
    let before = null;
    this.times.forEach((time, i) => {
      const value = this.value(line, i);
      if (value == null) down = false;
      else {
        if (down && this.steps) pen.lineTo(this.x(time), this.y(before));
        pen[down ? "lineTo" : "moveTo"](this.x(time), this.y(value));
        down = true;
      }
      before = value;
    });
    pen.stroke();
    pen.setLineDash([]);
  }

  read(pen, height) {
    const at = this.cursor ?? this.now();
    this.lines.forEach((line, i) => (this.outputs[i].textContent = this.text(line, at)));
    if (this.cursor === null) return;
    const x = Math.round(this.x(this.times[at])) + 0.5;
    pen.strokeStyle = css("--strong-line");
    pen.beginPath();
    pen.moveTo(x, TOP);
    pen.lineTo(x, height - BOTTOM);
    pen.stroke();
  }

  // Where no cursor is: the last point of what was, the first of what is planned.
  now() {
    return this.event ? this.times.length - 1 : 0;
  }

  text(line, i) {
    const unit = this.unit && " " + this.unit;
    return number(this.value(line, i), this.decimals) + unit;
  }

  point(x) {
    let nearest = 0;
    this.times.forEach((time, i) => {
      if (Math.abs(this.x(time) - x) < Math.abs(this.x(this.times[nearest]) - x)) nearest = i;
    });
    this.move(nearest);
  }

  key(event) {
    const last = this.times.length - 1;
    const from = this.cursor ?? this.now();
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.move(to === null ? null : Math.min(Math.max(to, 0), last));
    const said = this.lines.map((line) => `${line.label} ${this.text(line, this.cursor ?? this.now())}`);
    this.said.textContent = `${this.long.format(this.times[this.cursor ?? this.now()] * 1000)}: ${said.join(", ")}`;
  }

  move(to) {
    if (to === null) this.said.textContent = "";
    else this.said.textContent = this.long.format(this.times[to] * 1000);
    this.cursor = to;
    this.draw();
  }
}

const charts = [...document.querySelectorAll("figure[data-chart]")].map((figure) => new Chart(figure));
for (const chart of charts) chart.draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((chart) => chart.draw()));
