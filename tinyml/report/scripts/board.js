/** A board beside the page: measured layers beside the predicted ones. */
const board = (() => {
  const form = document.getElementById("board");
  const report = JSON.parse(document.getElementById("report").textContent);
  const WARMUP = 5;
  const part = (selector) => form.querySelector(selector);
  const number = (value) => Math.round(value).toLocaleString("en");
  const say = (text, is_bad = false) => {
    part("#board-said").textContent = text;
    part("#board-said").className = is_bad ? "problem" : "note";
  };

  /** What was predicted of each layer, and by what. */
  const predicted = () => {
    const guess = report.run?.predicted;
    if (guess) return { by: `cycles by the ${guess.source}`, layers: guess.layers };
    if (report.run?.is_estimate && report.layers.every((layer) => layer.cycles !== null)) {
      return { by: "cycles of the simulation", layers: report.layers.map((layer) => layer.cycles) };
    }
    return { by: "instructions by the kernels' cost formulas", layers: report.layers.map((layer) => layer.predicted_instructions) };
  };

  /** Raises an error unless the board runs the report's build. */
  const compare = (identity) => {
    const { sha256 } = report.model, again = "flash this build: tinyml flash";
    if (!sha256.startsWith(identity.sha256)) throw new Error(`the board runs the model '${identity.model}' (${identity.sha256}), the report is of ${sha256.slice(0, 12)}: ${again}`);
    if (identity.layers !== report.layers.length) throw new Error(`the board's model has ${identity.layers} layers, the report's ${report.layers.length}: ${again}`);
    if (identity.fingerprint && report.fingerprint && identity.fingerprint !== report.fingerprint) throw new Error(`the board runs the build ${identity.fingerprint}, the report is of ${report.fingerprint}: ${again}`);
  };

  const rowOf = (cells, layer) => {
    const row = document.createElement("tr");
    if (layer !== undefined) row.dataset.layer = layer;
    cells.forEach((text, i) => {
      const cell = row.insertCell();
      cell.textContent = text;
      if (i !== 1) cell.className = "n";
    });
    return row;
  };
  const show = (found, clock_hz) => {
    const guess = predicted(), guessed = guess.layers.reduce((sum, item) => sum + item, 0);
    const cells = (index, op, cycles, wanted) => [
      index, op, number(wanted), number(cycles.min), number(cycles.median), number(cycles.max), (cycles.median * 1e3 / clock_hz).toFixed(3),
      found.total.median ? (100 * cycles.median / found.total.median).toFixed(1) : "", wanted ? (cycles.median / wanted).toFixed(2) : "",
    ];
    const table = part("[data-table=measured]");
    table.tBodies[0].replaceChildren(...found.layers.map((cycles, i) => rowOf(cells(i, report.layers[i].op, cycles, guess.layers[i]), i)));
    table.tFoot.replaceChildren(rowOf(cells("", "total", found.total, guessed)));
    part("#board-by").textContent = `Predicted: ${guess.by}.`;
    part(".scroll").hidden = false;
  };

  const equal = (found, wanted) => {
    if (!wanted || live.held.is_streaming) return "";
    const is_equal = wanted.every((data, i) => values.same(live.held.outputs[i], data, found.outputs[i]));
    return is_equal ? " Its outputs equal those of this page." : " Its outputs DIFFER from those of this page: 'tinyml verify' names the layer.";
  };

  /** Measures over a port of WebSerial; returns what was found. */
  const measure = async (port) => {
    const runs = Math.max(1, Math.min(1000, Number(part("[name=runs]").value) || 1));
    const client = new agent.Agent(port);
    try {
      say("connecting ...");
      await client.open(Number(part("[name=baud]").value));
      compare(client.identity);
      const wanted = live.last();
      const data = wanted?.inputs ?? report.model.inputs.map((tensor) => new Uint8Array(values.bytes(tensor)));
      const found = await client.measure(data, runs, WARMUP, (done) => say(`inference ${done + 1} of ${runs} ...`));
      show(found, client.identity.clock_hz);
      const ms = (found.total.median * 1e3 / client.identity.clock_hz).toFixed(3);
      say(`${runs} inferences on the board: ${ms} ms each (median).${equal(found, wanted?.outputs)}`);
      return found;
    } finally {
      await client.close().catch(() => {});
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!navigator.serial) { say("This browser has no WebSerial: open the page in Chromium, Chrome or Edge.", true); return; }
    part("button").disabled = true;
    try {
      await measure(await navigator.serial.requestPort());
    } catch (error) {
      if (error.name !== "NotFoundError") say(error.message, true); // else nobody chose a port
    }
    part("button").disabled = false;
  });
  return { measure };
})();
