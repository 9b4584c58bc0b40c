/** Where values come from: drawings, pictures, sounds, tables of numbers. Pictures are 0 to 1, sounds -1 to 1. */
const inputs = (() => {
  const PEN = 0.085; // of the drawing's width; more where its pixels are few
  const PEN_PIXELS = 1.3;
  const WINDOW = 32768; // samples of a microphone that a browser keeps at most

  /** Height, width and channels of a picture. */
  const sides = (tensor) => {
    const sizes = tensor.shape[0] === 1 ? tensor.shape.slice(1) : tensor.shape;
    return { height: sizes[0], width: sizes[1], channels: sizes[2] ?? 1 };
  };

  /** Pixels of a canvas as elements: each the mean of the pixels that it covers. */
  const pixels = (canvas, tensor) => {
    const { height, width, channels } = sides(tensor);
    const held = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height).data;
    const across = canvas.width / width, down = canvas.height / height;
    const found = new Float32Array(height * width * channels);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const sums = [0, 0, 0];
      let count = 0;
      for (let row = Math.floor(y * down); row < Math.max((y + 1) * down, Math.floor(y * down) + 1); row++) {
        for (let column = Math.floor(x * across); column < Math.max((x + 1) * across, Math.floor(x * across) + 1); column++) {
          const place = (row * canvas.width + column) * 4;
          for (let i = 0; i < 3; i++) sums[i] += held[place + i];
          count++;
        }
      }
      const mean = sums.map((sum) => sum / count / 255);
      const grey = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
      for (let i = 0; i < channels; i++) found[(y * width + x) * channels + i] = channels === 1 ? grey : mean[i];
    }
    return found;
  };

  /** Puts the middle of a picture on a canvas, as large as it covers it. */
  const put = (canvas, picture, width, height) => {
    const zoom = Math.max(canvas.width / width, canvas.height / height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, (canvas.width - width * zoom) / 2, (canvas.height - height * zoom) / 2, width * zoom, height * zoom);
  };

  const clear = (canvas) => {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };

  /** White strokes of a pointer for a picture; `changed` is called after each. */
  const drawable = (canvas, tensor, changed) => {
    const lineWidth = canvas.width * Math.max(PEN, PEN_PIXELS / sides(tensor).width);
    let last = null;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height];
    };
    const stroke = (event) => {
      const context = canvas.getContext("2d", { willReadFrequently: true }), to = place(event);
      Object.assign(context, { lineWidth, lineCap: "round", strokeStyle: "#fff" });
      context.beginPath();
      context.moveTo(...last);
      context.lineTo(...to);
      context.stroke();
      last = to;
      changed();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = place(event);
      stroke(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (last) stroke(event); });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
  };

  /** The numbers of a text; its first line alone where that has as many as are needed. */
  const numbers = (text, count) => {
    const words = (part) => part.split(/[\s,;]+/).filter((word) => word !== "");
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
    const first = words(lines[0] ?? "");
    const found = first.length === count ? first : words(text);
    const wrong = found.find((word) => !Number.isFinite(Number(word)));
    if (wrong !== undefined) throw new Error(`'${wrong.slice(0, 20)}' is no number: a file has real values alone, separated by commas or spaces`);
    if (found.length !== count) throw new Error(`the file has ${found.length} numbers, the input takes ${count}: one line or one file per sample`);
    return Float32Array.from(found, Number);
  };

  /** A sound file at a rate, its channels mixed: the first samples, silence behind them. */
  const sound = async (file, rate, count) => {
    const context = new OfflineAudioContext(1, 1, rate);
    const held = await context.decodeAudioData(await file.arrayBuffer());
    const found = new Float32Array(count);
    for (let channel = 0; channel < held.numberOfChannels; channel++) {
      held.getChannelData(channel).subarray(0, count).forEach((value, i) => { found[i] += value / held.numberOfChannels; });
    }
    return { found, seconds: held.duration };
  };

  /** Frames of the camera until the returned function is called. */
  const camera = async (taken) => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
    await video.play();
    let is_on = true;
    const next = () => {
      if (!is_on) return;
      taken(video, video.videoWidth, video.videoHeight);
      requestAnimationFrame(next);
    };
    next();
    return () => { is_on = false; stream.getTracks().forEach((track) => track.stop()); };
  };

  /** The last samples of the microphone, a few times a second, until the returned function is called. */
  const microphone = async (rate, count, taken) => {
    if (count > WINDOW) throw new Error(`browsers keep ${WINDOW} samples of a microphone, the input takes ${count}: record a WAV file instead`);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const context = new AudioContext({ sampleRate: rate });
    const analyser = new AnalyserNode(context, { fftSize: Math.max(32, 2 ** Math.ceil(Math.log2(count))) });
    context.createMediaStreamSource(stream).connect(analyser);
    const held = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => { analyser.getFloatTimeDomainData(held); taken(held.slice(-count)); }, 200);
    return () => { clearInterval(timer); stream.getTracks().forEach((track) => track.stop()); context.close(); };
  };

  return { sides, pixels, put, clear, drawable, numbers, sound, camera, microphone };
})();
