"use strict";

/* Plays the runs on a page. All that it shows stands in the page's tables of steps, a row a step: without this
   script they can be read as they are. Position 0 is before the first step. */

const PACE = 900; // milliseconds a step

class Player {
  constructor(example) {
    this.example = example;
    this.rows = [...example.querySelectorAll("tr[data-step]")];
    this.places = [...example.querySelectorAll(".place")];
    this.stands = this.places.map((place) => place.querySelector(".stands")?.textContent);
    this.position = 0;
    this.timer = null;
    this.controls = example.querySelector(".controls");
    this.slider = example.querySelector("input");
    for (const button of this.controls.querySelectorAll("button")) {
      button.addEventListener("click", () => this[button.dataset.does]());
    }
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    for (const element of example.querySelectorAll(".controls, .doing, .now")) element.hidden = false;
    example.querySelector("details.steps").open = false;
    this.show();
  }

  first() { this.go(0); }
  back() { this.go(this.position - 1); }
  next() { this.go(this.position + 1); }
  last() { this.go(this.rows.length); }

  play() {
    if (this.timer !== null) return this.stop();
    if (this.position === this.rows.length) this.position = 0;
    this.timer = setInterval(() => {
      this.position += 1;
      if (this.position >= this.rows.length) this.stop();
      this.show();
    }, PACE);
    this.show();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.show();
  }

  go(position) {
    if (this.timer !== null) this.stop();
    this.position = Math.max(0, Math.min(this.rows.length, position));
    this.show();
  }

  show() {
    const row = this.position ? this.rows[this.position - 1] : null;
    for (const one of this.rows) one.classList.toggle("here", one === row);
    this.showControls(row);
    this.showHead(row);
    this.showLine(row);
    this.showReads(row);
    this.showValues();
  }

  showControls(row) {
    const last = this.rows.length;
    this.slider.value = this.position;
    const said = row ? row.querySelector(".text").textContent : "before the first step";
    const text = /^step \d+$/.test(said) ? "" : said; // its number is said already
    this.slider.setAttribute("aria-valuetext", `step ${this.position} of ${last}${text && `: ${text}`}`);
    const doing = this.example.querySelector(".doing");
    doing.querySelector("span").textContent = row
      ? `Step ${this.position} of ${last}`
      : `Start, ${last} ${last === 1 ? "step" : "steps"} to go`;
    doing.querySelector("b").textContent = row ? text : "";
    for (const button of this.controls.querySelectorAll("button")) {
      const end = { first: 0, back: 0, next: last, last }[button.dataset.does];
      button.disabled = end === this.position && button !== document.activeElement;
      button.setAttribute("aria-disabled", String(end === this.position));
    }
    this.controls.querySelector(".play").textContent = this.timer === null ? "Play" : "Pause";
    this.example.querySelector(".outcome").classList.toggle("reached", this.position === last);
  }

  /* The head, its way so far, and what stands in each place. */
  showHead(row) {
    const head = this.example.querySelector(".head");
    const place = row && row.dataset.at !== "" ? this.places[Number(row.dataset.at)] : null;
    if (head) {
      head.hidden = !place;
      if (place) {
        for (const axis of ["--row", "--column"]) head.style.setProperty(axis, place.style.getPropertyValue(axis));
        this.bringIntoView(place);
      }
    }
    this.places.forEach((one, number) => one.classList.toggle("at", one === place));
    const written = this.rows.slice(0, this.position).findLast((one) => one.dataset.stands);
    const stands = written ? JSON.parse(written.dataset.stands) : this.stands;
    this.places.forEach((one, number) => {
      const cell = one.querySelector(".stands");
      if (cell && stands[number] !== undefined) cell.textContent = stands[number];
    });
    const points = this.rows.slice(0, this.position).filter((one) => one.dataset.at !== "").map((one) => {
      const { style } = this.places[Number(one.dataset.at)];
      return `${Number(style.getPropertyValue("--column")) + 0.5} ${Number(style.getPropertyValue("--row")) + 0.5}`;
    });
    for (const path of this.example.querySelectorAll(".way path")) {
      path.setAttribute("d", points.length ? `M ${points.join(" L ")}` : "");
    }
  }

  bringIntoView(place) {
    const box = place.closest(".box");
    const left = place.offsetLeft - (box.clientWidth - place.clientWidth) / 2;
    if (box.scrollWidth > box.clientWidth) box.scrollTo({ left });
  }

  showLine(row) {
    const list = this.example.querySelector(".listing");
    if (!list) return;
    const lines = row ? row.dataset.lines.split(" ") : [];
    [...list.children].forEach((line, number) => {
      const here = lines.includes(String(number));
      line.classList.toggle("here", here);
      if (here) line.setAttribute("aria-current", "step");
      else line.removeAttribute("aria-current");
      if (here && line === list.children[Number(lines[0])]) list.scrollTop = line.offsetTop - list.clientHeight / 2;
    });
  }

  showReads(row) {
    const reads = this.example.querySelector(".now .reads");
    if (!reads) return;
    const bars = row && row.querySelector(".bars");
    reads.replaceChildren(bars ? bars.cloneNode(true) : "nothing");
  }

  /* Registers and variables: what all steps so far have written. */
  showValues() {
    const list = this.example.querySelector(".values");
    if (!list) return;
    const values = new Map();
    this.rows.slice(0, this.position).forEach((row, number) => {
      for (const [name, value] of Object.entries(JSON.parse(row.dataset.changes))) {
        values.set(name, [value, number === this.position - 1]);
      }
    });
    const boxes = [...values].map(([name, [value, changed]]) => {
      const box = document.createElement("div");
      box.classList.toggle("changed", changed);
      box.append(Object.assign(document.createElement("dt"), { textContent: name }));
      box.append(Object.assign(document.createElement("dd"), { textContent: value }));
      return box;
    });
    list.replaceChildren(...(boxes.length ? boxes : ["nothing yet"]));
    const changed = list.querySelector(".changed");
    if (changed) list.scrollTop = changed.offsetTop - list.offsetTop - list.clientHeight / 2;
  }
}

const players = new Map();
const examples = [...document.querySelectorAll(".example")];
const links = [...document.querySelectorAll(".picker a")];

function pick(example) {
  for (const one of examples) {
    one.hidden = one !== example;
    if (one.hidden) players.get(one)?.stop();
  }
  for (const link of links) link.setAttribute("aria-current", String(link.hash === `#${example.id}`));
}

for (const example of examples) {
  if (example.querySelector(".controls")) players.set(example, new Player(example));
}
for (const link of links) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    pick(document.getElementById(link.hash.slice(1)));
  });
}
for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;
if (examples.length) pick(examples.find((one) => `#${one.id}` === location.hash) ?? examples[0]);

const KEYS = { ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last" };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement.matches(".word")) document.activeElement.blur();
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  const shown = examples.find((one) => !one.hidden);
  const inside = shown?.contains(event.target);
  if (!(event.key in KEYS) || !players.has(shown)) return;
  if (!inside && (event.key === "Home" || event.key === "End")) return; // they scroll the page
  event.preventDefault();
  players.get(shown)[KEYS[event.key]]();
});
