"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /** Marks everything on the page that belongs to a layer. */
  const mark = (layer) => {
    for (const item of all(".same")) item.classList.remove("same");
    if (layer === undefined) return;
    for (const item of all(`[data-layer="${layer}"]`)) item.classList.add("same");
  };

  /** A chart is one stop of the tab key; the arrow keys move within it. */
  for (const chart of all("[data-chart]")) {
    const items = all("[role=option]", chart);
    const readout = chart.querySelector(".readout");
    const resting = readout.textContent;
    if (!items.length) continue;
    items[0].setAttribute("tabindex", "0");
    const choose = (item) => {
      for (const other of items) other.setAttribute("aria-selected", String(other === item));
      readout.textContent = item ? item.dataset.info : resting;
      mark(item ? item.dataset.layer : undefined);
    };
    items.forEach((item, index) => {
      item.addEventListener("pointerenter", () => choose(item));
      item.addEventListener("pointerleave", () => choose(items.find((other) => other === document.activeElement)));
      item.addEventListener("focus", () => choose(item));
      item.addEventListener("blur", () => choose(undefined));
      item.addEventListener("keydown", (event) => {
        const last = items.length - 1;
        const to = { ArrowRight: index + 1, ArrowUp: index + 1, ArrowLeft: index - 1, ArrowDown: index - 1, Home: 0, End: last }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const next = items[Math.max(0, Math.min(last, to))];
        item.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        next.focus();
      });
    });
  }

  /** A click on a layer of the network shows all that is known of it. */
  const panel = document.getElementById("layer");
  const report = JSON.parse(document.getElementById("report").textContent);
  const number = (count) => (count === null ? "" : count.toLocaleString("en"));
  const bytes = (count) => (count === null ? "" : `${number(count)} B`);
  const facts = (layer, ram) => [
    ["layer", `${layer.index} ${layer.op}`], ["name", layer.name], ["output", layer.shape.join(" \u00d7 ")],
    ["reads", layer.inputs.map((i) => (i < 0 ? `input ${-1 - i}` : `layer ${i}`)).join(", ")],
    ["kernel", layer.kernel], ["works like this", layer.note], ["MACs", number(layer.macs)],
    ["instructions, predicted", number(layer.predicted_instructions)], ["instructions, exact", number(layer.instructions)],
    ["cycles", number(layer.cycles)], ["time", layer.time_us === null ? "" : `${(layer.time_us / 1000).toFixed(3)} ms`],
    ["RAM in use", ram], ["scratch", bytes(layer.scratch_bytes)], ["constants", bytes(layer.weights_bytes)],
    ["not chosen", layer.alternatives.map(([name, cost]) => `${name} ${number(cost)}`).join(", ")],
  ];
  const describe = (item) => {
    const rows = facts(report.layers[item.dataset.layer], item.dataset.ram).filter(([, value]) => value !== "");
    panel.replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("div"), term = document.createElement("dt"), held = document.createElement("dd");
      term.textContent = name;
      held.textContent = value;
      row.append(term, held);
      return row;
    }));
    panel.hidden = false;
  };
  for (const item of all("#network [data-layer]")) {
    item.addEventListener("click", () => { item.focus(); describe(item); });
    item.addEventListener("keydown", (event) => { if (event.key === "Enter") describe(item); });
  }

  for (const row of all("tr[data-layer]")) {
    row.addEventListener("pointerenter", () => mark(row.dataset.layer));
    row.addEventListener("pointerleave", () => mark(undefined));
  }

  /** A click on a column's name sorts by it: numbers from the largest, words from A. */
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = Number(text.replace(/[,+]/g, ""));
    return text === "" ? -Infinity : Number.isNaN(number) ? text : number;
  };
  for (const table of all("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const isNumber = head.classList.contains("n") && column > 0;
        const first = isNumber ? "descending" : "ascending";
        const second = isNumber ? "ascending" : "descending";
        const order = head.getAttribute("aria-sort") === first ? second : first;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const x = value(a, column), y = value(b, column);
          return sign * (typeof x === "number" && typeof y === "number" ? x - y || 0 : String(x).localeCompare(String(y)));
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  /** How long a battery lasts, by what is entered. */
  const battery = document.getElementById("battery");
  if (battery) {
    const last = () => {
      const [mwh, rate, sleep] = ["mwh", "rate", "sleep"].map((name) => Number(battery.elements[name].value));
      const busy = Math.min(1, rate * Number(battery.dataset.timeUs) / 3.6e9);
      const days = mwh / (busy * Number(battery.dataset.activeMw) + (1 - busy) * sleep / 1000) / 24;
      battery.elements.days.value = Number.isFinite(days) ? `${days.toLocaleString("en", { maximumFractionDigits: 1 })} days` : "for ever";
    };
    battery.addEventListener("input", last);
    battery.addEventListener("submit", (event) => event.preventDefault());
    last();
  }

  addEventListener("beforeprint", () => all("details").forEach((item) => { item.open = true; }));
})();
