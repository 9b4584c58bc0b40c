/** The live section: feeds the model, shows its scores and its layers' outputs. */
const live = (() => {
  const section = document.getElementById("live");
  const held = JSON.parse(document.getElementById("live-data").textContent);
  const { model: about } = JSON.parse(document.getElementById("report").textContent);
  const MOST_SCORES = 12;
  const part = (selector, root = section) => root.querySelector(selector);
  const parts = (selector, root = section) => [...root.querySelectorAll(selector)];
  const element = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text ?? "", ...more });
  const say = (text, is_bad = false) => {
    part("#live-said").textContent = text;
    part("#live-said").className = is_bad ? "problem" : "note";
  };
  /** Does something that may fail in ways that the reader of the page should know. */
  const tried = async (act) => {
    try { await act(); } catch (error) { say(error.message, true); }
  };

  let model = null; // once it is loaded
  let last = null; // inference: inputs, outputs, layers
  let current = held.samples.length ? held.samples[0].inputs.map(values.fromBase64) : [];
  const stops = []; // of cameras and microphones that are on

  /** Calls a function with the newest map of a canvas. */
  const mapped = (figure) => {
    let map = { said: () => "", range: "" };
    const canvas = part("canvas", figure), readout = part(".range", figure);
    maps.readable(canvas, () => map, readout);
    return (tensor, data) => {
      map = maps.draw(canvas, tensor, data);
      readout.textContent = map.range;
    };
  };
  const inputMaps = parts("[data-input] figure.map").map(mapped);
  const layerMaps = parts("#live-layers figure.map").map(mapped);

  const scores = (tensor, data, index) => {
    const reals = [...values.real(tensor, data)].map((value, i) => ({ value, i }));
    const shown = reals.length <= MOST_SCORES ? reals : [...reals].sort((a, b) => b.value - a.value || a.i - b.i).slice(0, MOST_SCORES);
    const most = reals.reduce((best, item) => (item.value > best.value ? item : best), reals[0]);
    const span = Math.max(...shown.map((item) => Math.abs(item.value))) || 1;
    const rows = shown.map((item) => {
      const row = element("tr", "", { className: item === most && reals.length > 1 ? "best" : "" });
      const name = index === 0 && about.labels.length === reals.length ? about.labels[item.i] : String(item.i);
      const bar = element("td", "", { className: "bar" }), fill = element("i");
      fill.style.width = `${100 * Math.max(0, item.value) / span}%`;
      bar.append(fill);
      row.append(Object.assign(element("th", name), { scope: "row" }), element("td", values.text(item.value), { className: "n" }), bar);
      return row;
    });
    const body = part(`[data-output="${index}"] tbody`);
    body.replaceChildren(...rows);
    part(`[data-output="${index}"] caption span`).textContent = reals.length > shown.length ? `, the ${shown.length} greatest of ${reals.length}` : "";
  };

  const showLayers = () => {
    if (!last || !part("#live-layers").open) return;
    layerMaps.forEach((show, i) => show(held.layers[i].tensor, last.layers[i]));
  };

  const infer = () => {
    if (!model) return;
    if (!held.is_streaming) model.reset();
    last = model.run(current.slice());
    held.outputs.forEach((tensor, i) => scores(tensor, last.outputs[i], i));
    current.forEach((data, i) => inputMaps[i](held.inputs[i], data));
    part("#live-time").textContent = `${last.ms.toFixed(last.ms < 10 ? 2 : 0)} ms in this browser`;
    showLayers();
  };

  /** The real values of what is 0 and 1, by the two fields. */
  const between = (box, found) => {
    const [low, high] = ["low", "high"].map((name) => Number(part(`[name=${name}]`, box).value));
    return found.map((value) => low + value * (high - low));
  };
  const feed = (index, reals) => {
    current[index] = values.quantise(held.inputs[index], reals);
    part("#live-sample").value = "";
    infer();
  };

  const stopAll = () => {
    for (const stop of stops.splice(0)) stop();
    for (const button of parts("[aria-pressed]")) button.setAttribute("aria-pressed", "false");
  };

  /** What an input's controls do: `drawn` takes the canvas, `heard` samples, `open` a file. */
  const feeder = (box) => {
    const index = Number(box.dataset.input), tensor = held.inputs[index], kind = held.kinds[index];
    const canvas = part("canvas.draw", box);
    const rate = () => Number(part("[name=rate]", box).value);
    const drawn = () => feed(index, between(box, inputs.pixels(canvas, tensor)));
    const heard = (found) => feed(index, between(box, found.map((value) => (value + 1) / 2)));
    const count = values.count(tensor), shape = `the input [${tensor.shape}]`;
    const picture = async (file) => {
      if (kind !== "image") throw new Error(`${shape} is no picture: give its ${count} values as numbers (.csv)`);
      const bitmap = await createImageBitmap(file);
      inputs.clear(canvas);
      inputs.put(canvas, bitmap, bitmap.width, bitmap.height);
      drawn();
      say(file.name);
    };
    const sound = async (file) => {
      if (kind !== "sound") throw new Error(`${shape} is no row of samples: compute what it takes as in training, and give the ${count} values as numbers (.csv)`);
      const { found, seconds } = await inputs.sound(file, rate(), count);
      heard(found);
      say(`${file.name}: ${seconds.toFixed(2)} s; the first ${(count / rate()).toFixed(2)} s were taken`);
    };
    const table = async (file) => {
      feed(index, inputs.numbers(await file.text(), count));
      say(file.name);
    };
    const open = (file) => tried(() => {
      stopAll();
      const taken = { image: picture, audio: sound }[file.type.split("/")[0]] ?? table;
      return taken(file);
    });
    return { tensor, canvas, count, rate, drawn, heard, open };
  };

  /** Wires the controls of one input. */
  const wire = (box) => {
    const { tensor, canvas, count, rate, drawn, heard, open } = feeder(box);
    const range = values.range(tensor);
    for (const [i, name] of ["low", "high"].entries()) {
      const field = part(`[name=${name}]`, box);
      if (field) { field.value = Number(range[i].toPrecision(3)); field.addEventListener("input", () => canvas && drawn()); }
    }
    part("[type=file]", box).addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) open(file);
      event.target.value = "";
    });
    box.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]); });
    const toggled = (button, start) => button?.addEventListener("click", () => tried(async () => {
      const is_on = button.getAttribute("aria-pressed") === "true";
      stopAll();
      if (is_on) return;
      stops.push(await start());
      button.setAttribute("aria-pressed", "true");
    }));
    toggled(part("[data-do=camera]", box), () => inputs.camera((video, width, height) => { inputs.put(canvas, video, width, height); drawn(); }));
    toggled(part("[data-do=microphone]", box), () => inputs.microphone(rate(), count, heard));
    if (!canvas) return;
    inputs.clear(canvas);
    inputs.drawable(canvas, tensor, drawn);
    part("[data-do=clear]", box).addEventListener("click", () => { stopAll(); inputs.clear(canvas); drawn(); });
  };

  const equality = () => {
    const wrong = wasm.check(model, held);
    const first = wrong.findIndex((items) => items.length);
    const counted = (count, word) => `${count} ${word}${count > 1 ? "s" : ""}`;
    const what = `all outputs and ${counted(held.layers.length, "layer")}, on ${counted(held.samples.length, "sample")} (${held.samples_from})`;
    const line = part("#live-equal");
    line.dataset.equal = String(wrong.filter((items) => !items.length).length);
    line.className = first < 0 ? "note" : "problem";
    line.textContent = first < 0
      ? `Equal to the reference here: every element of ${what}.`
      : `Sample ${first} differs from the reference, first in ${typeof wrong[first][0] === "number" ? `layer ${wrong[first][0]}` : wrong[first][0]}. This is a bug of tinyml or of the compiler: please report it with the model.`;
  };

  const begin = async () => {
    model = await wasm.load(held);
    equality();
    model.reset();
    infer();
  };

  for (const name of ["dragover", "drop"]) section.addEventListener(name, (event) => event.preventDefault());
  parts("[data-input]").forEach(wire);
  part("#live-sample")?.addEventListener("change", (event) => {
    if (event.target.value === "") return;
    stopAll();
    current = held.samples[event.target.value].inputs.map(values.fromBase64);
    infer();
  });
  part("#live-layers")?.addEventListener("toggle", showLayers);
  part("[data-do=reset]")?.addEventListener("click", () => { model?.reset(); infer(); });
  const ready = held.module ? begin().catch((error) => {
    part("#live-equal").textContent = `This browser cannot run it: ${error.message}`;
    part("#live-equal").className = "problem";
  }) : Promise.resolve();

  return { ready, last: () => last, held };
})();
