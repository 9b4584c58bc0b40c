"use strict";
/** Tensors as bytes: their elements, their real values, their checksums. */
const values = (() => {
  const ARRAYS = {
    int8: Int8Array, uint8: Uint8Array, bool: Uint8Array, int16: Int16Array, int32: Int32Array,
    uint32: Uint32Array, int64: BigInt64Array, float32: Float32Array,
  };
  const count = (tensor) => tensor.shape.reduce((product, size) => product * size, 1);
  const bytes = (tensor) => count(tensor) * ARRAYS[tensor.dtype].BYTES_PER_ELEMENT;

  /** The elements in a copy of their bytes. */
  const elements = (tensor, data) => new ARRAYS[tensor.dtype](data.slice().buffer, 0, count(tensor));

  const realOf = (tensor, element) =>
    tensor.scale ? tensor.scale * (Number(element) - tensor.zero_point) : Number(element);
  const real = (tensor, data) => Float64Array.from(elements(tensor, data), (item) => realOf(tensor, item));

  /** The least and the greatest real value; of floats what is usual, 0 to 1. */
  const range = (tensor) => {
    const size = ARRAYS[tensor.dtype].BYTES_PER_ELEMENT * 8;
    if (!tensor.scale) return [0, 1];
    const least = tensor.dtype.startsWith("u") ? 0 : -(2 ** (size - 1));
    return [realOf(tensor, least), realOf(tensor, least + 2 ** size - 1)];
  };

  const limits = { int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], int32: [-(2 ** 31), 2 ** 31 - 1], uint32: [0, 2 ** 32 - 1] };
  /** Real values as bytes: rounded to the nearest, halves away from zero, as the C of the model does. */
  const quantise = (tensor, reals) => {
    const steps = tensor.scale ? reals.map((value) => Math.fround(Math.fround(value) / Math.fround(tensor.scale))) : reals;
    const whole = (value) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5) + tensor.zero_point;
    const [least, most] = limits[tensor.dtype] ?? [];
    const convert = {
      float32: (value) => value, bool: (value) => Number(value !== 0), int64: (value) => BigInt(whole(value)),
    }[tensor.dtype] ?? ((value) => Math.max(least, Math.min(most, whole(value))));
    return new Uint8Array(ARRAYS[tensor.dtype].from(steps, convert).buffer);
  };

  const same = (tensor, one, other) => {
    const right = elements(tensor, other);
    return elements(tensor, one).every((item, i) => item === right[i] || (item !== item && right[i] !== right[i]));
  };

  const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });
  /** CRC-32 as in zlib. */
  const crc32 = (data) => {
    let sum = 0xffffffff;
    for (const byte of data) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
    return (sum ^ 0xffffffff) >>> 0;
  };
  /** CRC-32 of a tensor; zeros of either sign are the same, and so is all that is no number. */
  const checksum = (tensor, data) => {
    if (tensor.dtype !== "float32") return crc32(data.subarray(0, bytes(tensor)));
    const numbers = elements(tensor, data), bits = new Uint32Array(numbers.buffer);
    numbers.forEach((item, i) => { if (item !== item) bits[i] = 0x7fc00000; else if (item === 0) bits[i] = 0; });
    return crc32(new Uint8Array(numbers.buffer));
  };

  const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const text = (value) => (value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(2));

  return { count, bytes, elements, real, range, quantise, same, crc32, checksum, fromBase64, text };
})();
