/** Tensors as heat maps: a tile for each channel, from the least value (dark) to the greatest (light). */
const maps = (() => {
  const MOST_TILES = 64;
  const ROW = 32; // elements side by side, at least, of what has but one dimension
  const WIDE = 240; // pixels on the screen, about
  const RAMP = [[18, 26, 46], [64, 118, 176], [250, 236, 196]];

  /** How a tensor lies on tiles: their sizes, and the number of an element. */
  const tiles = (tensor) => {
    const sizes = tensor.shape.filter((size) => size !== 1);
    if (sizes.length < 2) {
      const all = values.count(tensor), width = Math.min(all, Math.max(ROW, Math.ceil(Math.sqrt(2 * all))));
      return { all: 1, count: 1, width, height: Math.ceil(all / width), index: (_, y, x) => (y * width + x < all ? y * width + x : -1) };
    }
    const all = sizes.length > 2 ? sizes.pop() : 1;
    const width = sizes.pop(), height = sizes.reduce((product, size) => product * size, 1);
    return { all, count: Math.min(all, MOST_TILES), width, height, index: (tile, y, x) => (y * width + x) * all + tile };
  };

  const colour = (part) => {
    const place = Math.min(part, 0.9999) * (RAMP.length - 1), stop = Math.floor(place), rest = place - stop;
    return RAMP[stop].map((from, i) => from + (RAMP[stop + 1][i] - from) * rest);
  };

  /** Draws a tensor; pointing at the map, or the arrow keys, read single values. */
  const draw = (canvas, tensor, data) => {
    const { all, count, width, height, index } = tiles(tensor);
    const reals = values.real(tensor, data);
    const columns = Math.max(1, Math.min(count, Math.round(Math.sqrt(count * (height + 1) / (width + 1) * 1.6))));
    const rows = Math.ceil(count / columns);
    canvas.width = columns * (width + 1) - 1;
    canvas.height = rows * (height + 1) - 1;
    const zoom = Math.max(1, Math.floor(WIDE / Math.max(canvas.width, canvas.height)));
    canvas.style.width = `${canvas.width * zoom}px`;
    let least = Infinity, most = -Infinity;
    for (const value of reals) { if (value < least) least = value; if (value > most) most = value; }
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    for (let tile = 0; tile < count; tile++) {
      const left = (tile % columns) * (width + 1), top = Math.floor(tile / columns) * (height + 1);
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const number = index(tile, y, x);
        if (number < 0) continue;
        const part = most > least ? (reals[number] - least) / (most - least) : 0.5;
        image.data.set([...colour(part), 255], ((top + y) * canvas.width + left + x) * 4);
      }
    }
    context.putImageData(image, 0, 0);
    const said = (column, row) => {
      const tile = Math.floor(row / (height + 1)) * columns + Math.floor(column / (width + 1));
      const y = row % (height + 1), x = column % (width + 1);
      const number = tile < count && y < height && x < width ? index(tile, y, x) : -1;
      if (number < 0) return "";
      const where = all > 1 ? `channel ${tile}, row ${y}, column ${x}` : height > 1 ? `row ${y}, column ${x}` : `element ${x}`;
      return `${where}: ${values.text(reals[number])}`;
    };
    const shown = count < all ? `, ${count} of ${all} channels` : "";
    return { said, range: `${values.text(least)} to ${values.text(most)}${shown}` };
  };

  /** Lets a drawn map be read; `readout` is told what is said of the element. */
  const readable = (canvas, map, readout) => {
    let column = 0, row = 0;
    const move = (x, y) => {
      column = Math.max(0, Math.min(canvas.width - 1, x));
      row = Math.max(0, Math.min(canvas.height - 1, y));
      readout.textContent = map().said(column, row) || map().range;
    };
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      move(Math.floor((event.clientX - box.left) / box.width * canvas.width), Math.floor((event.clientY - box.top) / box.height * canvas.height));
    });
    canvas.addEventListener("pointerleave", () => { readout.textContent = map().range; });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      move(column + step[0], row + step[1]);
    });
  };

  return { draw, readable };
})();
