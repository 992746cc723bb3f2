/** The microphone while something is spoken: what comes in is encoded by the browser, and measured for the picture of it. */
import { limits } from '../../../protocol/limits.ts';
import type { Voice } from '../chosen-files.ts';
import { loudness, squeezed } from '../loudness.ts';

/** Opus at this rate is clear speech; browsers that have only AAC take what they can. */
const bitsPerSecond = 24_000;
const measureMs = 100;
const types = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

export interface Spoken {
  blob: Blob;
  voice: Voice;
}

export interface RecorderEvents {
  /** Ten times a second: how long so far, and how loud now, 0 to 1. */
  heard(elapsedMs: number, level: number): void;
  /** The longest that is allowed: recording has stopped by itself. */
  full(): void;
}

export class VoiceRecorder {
  readonly #parts: Blob[] = [];
  readonly #levels: number[] = [];
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopped: Promise<void>;
  #durationMs: number | undefined;

  private constructor(
    private readonly stream: MediaStream,
    private readonly recorder: MediaRecorder,
    private readonly context: AudioContext,
    private readonly analyser: AnalyserNode,
    private readonly events: RecorderEvents,
  ) {
    recorder.ondataavailable = ({ data }) => this.#parts.push(data);
    this.#stopped = new Promise((resolve) => (recorder.onstop = () => resolve()));
    recorder.start();
    this.#timer = setInterval(() => this.#measure(), measureMs);
  }

  /** Asks for the microphone. `refused`: by the person or the browser; `none`: there is none, or it is taken. */
  static async start(events: RecorderEvents): Promise<VoiceRecorder | 'refused' | 'none'> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (problem) {
      if (!(problem instanceof DOMException)) throw problem;
      return problem.name === 'NotAllowedError' || problem.name === 'SecurityError' ? 'refused' : 'none';
    }
    const context = new AudioContext();
    try {
      const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
      const options = { audioBitsPerSecond: bitsPerSecond, ...(mimeType === undefined ? {} : { mimeType }) };
      const analyser = context.createAnalyser();
      context.createMediaStreamSource(stream).connect(analyser);
      return new VoiceRecorder(stream, new MediaRecorder(stream, options), context, analyser, events);
    } catch (problem) {
      for (const track of stream.getTracks()) track.stop();
      void context.close();
      if (problem instanceof DOMException) return 'none'; // taken away meanwhile, or nothing that this browser can record
      throw problem;
    }
  }

  /** Ends it and gives what was spoken. */
  async stop(): Promise<Spoken> {
    this.#end();
    await this.#stopped;
    // Without parameters, as a file is declared.
    const type = this.recorder.mimeType.split(';', 1)[0] ?? '';
    return {
      blob: new Blob(this.#parts, { type }),
      voice: { durationMs: this.#durationMs ?? 0, levels: squeezed(this.#levels, limits.voiceLevels) },
    };
  }

  cancel(): void {
    this.#end();
  }

  #measure(): void {
    const elapsedMs = performance.now() - this.#startedAt;
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    const level = loudness(samples);
    this.#levels.push(level);
    this.events.heard(elapsedMs, level);
    if (elapsedMs < limits.voiceMs - measureMs) return;
    this.#end();
    this.events.full();
  }

  /** The microphone is let go: the browser shows it as long as it is held. */
  #end(): void {
    if (this.#durationMs !== undefined) return;
    this.#durationMs = Math.min(limits.voiceMs, Math.round(performance.now() - this.#startedAt));
    clearInterval(this.#timer);
    if (this.recorder.state !== 'inactive') this.recorder.stop();
    for (const track of this.stream.getTracks()) track.stop();
    void this.context.close();
  }
}
