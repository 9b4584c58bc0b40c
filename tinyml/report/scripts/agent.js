/** The firmware's serial agent: commands in a session, replies checked as a whole (docs/serial-protocol.md). */
const agent = (() => {
  const REPLY_MS = 2000, WORK_MS = 120000, QUIET_MS = 150;
  const RELOAD_MS = 60000; // at most so long for sending inputs, as tinyml profile does
  const TRIES = 5;
  const CHUNK = 31; // bytes of an input per command
  const LONGEST = 1 << 22; // characters of a reply that count as noise

  /** A reply did not arrive whole: worth another try. */
  class Damaged extends Error {}

  /** CRC-16/CCITT-FALSE. */
  const crc16 = (text) => {
    let sum = 0xffff;
    for (const letter of text) {
      sum ^= letter.charCodeAt(0) << 8;
      for (let bit = 0; bit < 8; bit++) sum = (sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1) & 0xffff;
    }
    return sum;
  };
  const hex = (number, digits) => number.toString(16).toUpperCase().padStart(digits, "0");
  const latin = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

  /** The payloads of the checked lines of a name. */
  const fields = (lines, name) => lines.flatMap((line) => {
    const match = /^m-([a-z]+)-\[([^\]]*)\]-([0-9A-F]{4})$/.exec(line);
    if (!match) return [];
    if (parseInt(match[3], 16) !== crc16(match[2])) throw new Damaged(`the line '${line}' does not agree with its checksum`);
    return match[1] === name ? [match[2].split(",")] : [];
  });
  const only = (lines, name, count) => {
    const found = fields(lines, name);
    if (found.length !== 1 || found[0].length !== count) throw new Damaged(`no line 'm-${name}-[...]' with ${count} values came`);
    return found[0];
  };
  const whole = (text) => {
    if (!/^[0-9]{1,20}$/.test(text)) throw new Damaged(`'${text}' is no number`);
    return Number(text);
  };

  /** Minimum, median, 95 % and maximum; each is a value that was measured. */
  const spread = (cycles) => {
    const ordered = [...cycles].sort((a, b) => a - b), end = ordered.length - 1;
    return { min: ordered[0], median: ordered[Math.floor(end / 2)], p95: ordered[Math.ceil(0.95 * ordered.length) - 1], max: ordered[end] };
  };

  class Agent {
    #port; #reader; #writer; #pumped; #text = ""; #wake = () => {}; #session = 0; #number = 0; #is_closed = false;
    #sending = 0; // milliseconds
    identity = null;

    constructor(port) { this.#port = port; }

    async open(baudRate) {
      await this.#port.open({ baudRate, bufferSize: 1 << 16 });
      this.#reader = this.#port.readable.getReader();
      this.#writer = this.#port.writable.getWriter();
      this.#pumped = this.#pump();
      await this.#repeat(() => this.#identify());
    }

    async close() {
      this.#is_closed = true;
      await this.#reader.cancel().catch(() => {});
      await this.#pumped;
      this.#reader.releaseLock();
      this.#writer.releaseLock();
      await this.#port.close();
    }

    async #pump() {
      try {
        for (;;) {
          const { value, done } = await this.#reader.read();
          if (done) break;
          for (const byte of value) this.#text += String.fromCharCode(byte);
          this.#wake();
        }
      } catch {} // the board was unplugged: what waits for it hears so
      this.#is_closed = true;
      this.#wake();
    }

    /** Waits until more has come; false when nothing does for so long. */
    #more(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), ms);
        this.#wake = () => { clearTimeout(timer); resolve(true); };
      });
    }

    async #line(ms) {
      while (!this.#text.includes("\n")) {
        if (this.#is_closed) throw new Error("the port is gone: was the board unplugged?");
        if (!(await this.#more(ms))) throw new Damaged(`nothing came for ${ms / 1000} s`);
        if (this.#text.length > LONGEST) throw new Damaged("a line does not end");
      }
      const end = this.#text.indexOf("\n"), line = this.#text.slice(0, end).replace(/\r$/, "");
      this.#text = this.#text.slice(end + 1);
      if (line.startsWith("e-[fault")) throw new Error(`the firmware crashed: ${line}; 'tinyml monitor' says where`);
      if (line.endsWith("m-init-done") && this.#session) throw new Error("the board was reset: connect again");
      return line;
    }

    /** The lines of the reply, which in a session must be to the last command and agree with their sum. */
    async #reply(ms) {
      let lines = [], length = 0;
      const end = performance.now() + ms;
      for (;;) {
        const line = await this.#line(ms);
        length += line.length;
        if (length > LONGEST || performance.now() > end + WORK_MS) throw new Damaged("the reply does not end");
        if (line === "m-ready") {
          if (!this.#session || this.#checked(lines)) return this.#session ? lines.slice(0, -1) : lines;
          lines = [];
        } else if (/^[me]-/.test(line)) lines.push(line);
      }
    }

    #checked(lines) {
      const match = /^m-done-\[(([0-9A-F]{4}),([0-9A-F]{2}),([0-9A-F]{8}))\]-([0-9A-F]{4})$/.exec(lines.at(-1) ?? "");
      if (!match || parseInt(match[5], 16) !== crc16(match[1])) throw new Damaged("the end of the reply is missing");
      if (parseInt(match[2], 16) !== this.#session) throw new Error("the board was reset: connect again");
      if (parseInt(match[3], 16) !== this.#number) return false; // to a command before
      const sum = values.crc32(latin(lines.slice(0, -1).map((line) => `${line}\r\n`).join("")));
      if (parseInt(match[4], 16) !== sum) throw new Damaged("the reply does not agree with its checksum");
      return true;
    }

    async #ask(command, ms = REPLY_MS) {
      let sent = command;
      if (this.#session) {
        this.#number = (this.#number + 1) % 256;
        const inner = `${hex(this.#session, 4)} ${hex(this.#number, 2)} ${command}`;
        sent = `[${inner}]-${hex(crc16(inner), 4)}`;
      }
      await this.#writer.write(latin(`${sent}%`));
      const lines = await this.#reply(ms);
      const refused = lines.find((line) => line.startsWith("e-["));
      if (refused) throw new Damaged(`it says '${refused.slice(3).replace(/\]$/, "")}'`);
      return lines;
    }

    /** Stops what runs, and throws away what is still on its way. */
    async #synchronise() {
      await this.#writer.write(latin("\x18%"));
      while (!this.#is_closed && (await this.#more(QUIET_MS)));
      this.#text = "";
    }

    async #repeat(act) {
      let error;
      for (let attempt = 0; attempt < TRIES; attempt++) {
        try {
          if (attempt || !this.identity) await this.#synchronise();
          return await act();
        } catch (damage) {
          if (!(damage instanceof Damaged)) throw damage;
          error = damage;
        }
      }
      throw new Error(`the board does not answer as the agent does: ${error.message}. Is it flashed with this build, and no other program at its port?`);
    }

    async #identify() {
      this.#session = 0;
      const [protocol] = only(await this.#ask("id"), "id", 9);
      if (protocol !== "protocol=3") throw new Error(`the firmware speaks ${protocol}, this page protocol=3: build and flash it again`);
      this.#session = 1 + Math.floor(Math.random() * 0xffff);
      await this.#ask("session");
      const lines = await this.#ask("id"), found = only(lines, "id", 9);
      const [inputs, outputs, layers, clock_hz] = found.slice(4, 8).map(whole);
      const fingerprint = fields(lines, "fingerprint")[0]?.[0] ?? "";
      this.identity = { model: found[1], sha256: found[2], inputs, outputs, layers, clock_hz, fingerprint };
    }

    async #load(index, data) {
      await this.#ask(`db select ${index}`);
      let lines = await this.#ask(`db load ${data.length}`);
      for (let start = 0; start < data.length; start += CHUNK) {
        const digits = [...data.subarray(start, start + CHUNK)].map((byte) => hex(byte, 2)).join("");
        lines = await this.#ask(`db ${digits}`);
      }
      if (!lines.includes("m-load-done")) throw new Damaged("the input did not arrive whole");
      const [, count, sum] = only(await this.#ask("db crc"), "crc", 3);
      if (whole(count) !== data.length || parseInt(sum, 16) !== values.crc32(data)) throw new Damaged("the board holds other bytes than were sent");
    }

    /** Loads all inputs, where they are given, runs so many inferences and returns the last one's cycles. */
    infer(data, runs) {
      return this.#repeat(async () => {
        const begin = performance.now();
        for (const [index, bytes] of data.entries()) await this.#load(index, bytes);
        this.#sending += performance.now() - begin;
        const lines = await this.#ask(`infer ${runs} 0`, WORK_MS);
        if (!lines.includes("m-infer-done")) throw new Damaged("no line 'm-infer-done' came");
        const layers = fields(await this.#ask("layers"), "layer");
        if (layers.length !== this.identity.layers || layers.some(([number], i) => number !== String(i))) throw new Damaged("cycles of a layer are missing");
        const [total] = only(await this.#ask("cycles"), "cycles", 1);
        return { layers: layers.map(([, cycles]) => whole(cycles)), total: whole(total) };
      });
    }

    /** The raw bytes of an output of the first inference since the last load. */
    output(index) {
      return this.#repeat(async () => {
        const found = [];
        for (const [offset, digits] of fields(await this.#ask(`out ${index}`, WORK_MS), "data")) {
          if (whole(offset) !== found.length) throw new Damaged("a part of the output is missing");
          for (let i = 0; i < digits.length; i += 2) found.push(parseInt(digits.slice(i, i + 2), 16));
        }
        return Uint8Array.from(found);
      });
    }

    /** Times `runs` inferences after `warmup` ones, each with its input sent anew where that is quick enough. */
    async measure(data, runs, warmup, show) {
      if (warmup) await this.infer(data, warmup);
      const found = [];
      const outputs = [];
      for (let number = 0; number < runs; number++) {
        show(number);
        found.push(await this.infer(this.#sending < RELOAD_MS ? data : [], 1));
        if (number) continue;
        for (let index = 0; index < this.identity.outputs; index++) outputs.push(await this.output(index));
      }
      const layers = found[0].layers.map((_, i) => spread(found.map((item) => item.layers[i])));
      return { layers, total: spread(found.map((item) => item.total)), outputs };
    }
  }

  return { Agent, crc16, spread };
})();
