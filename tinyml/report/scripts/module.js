/** The model as WebAssembly: each inference gives outputs and what every layer has left. */
const wasm = (() => {
  const load = async (live) => {
    const layers = [];
    const imports = { page: { layer_done: (i) => { layers[i] = copy(made.layer(i), values.bytes(live.layers[i].tensor)); } } };
    const { instance } = await WebAssembly.instantiate(values.fromBase64(live.module), imports);
    const made = instance.exports;
    const at = (address, count) => new Uint8Array(made.memory.buffer, address, count);
    const copy = (address, count) => at(address, count).slice();
    const run = (inputs) => {
      inputs.forEach((data, i) => at(made.input(i), data.length).set(data));
      const begin = performance.now();
      made.run();
      const ms = performance.now() - begin;
      const outputs = live.outputs.map((tensor, i) => copy(made.output(i), values.bytes(tensor)));
      return { inputs, outputs, layers: layers.slice(), ms };
    };
    return { run, reset: () => made.reset() };
  };

  /** For each sample what differs from the reference: numbers of layers, and of outputs as "output 0". */
  const check = (model, live) => live.samples.map((sample, number) => {
    if (number === 0 || !live.is_streaming) model.reset();
    const found = model.run(sample.inputs.map(values.fromBase64));
    const layers = live.layers.map((layer, i) => i)
      .filter((i) => values.checksum(live.layers[i].tensor, found.layers[i]) !== sample.layers[i]);
    const outputs = live.outputs.map((tensor, i) => i)
      .filter((i) => !values.same(live.outputs[i], found.outputs[i], values.fromBase64(sample.outputs[i])));
    return [...layers, ...outputs.map((i) => `output ${i}`)];
  });

  return { load, check };
})();
