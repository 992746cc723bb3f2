/** Only one thing is heard at a time: what begins to play pauses what played before. */
let playing: HTMLMediaElement | undefined;

export function playAlone(event: Event): void {
  const { currentTarget: starting } = event;
  if (!(starting instanceof HTMLMediaElement)) return;
  if (playing !== starting) playing?.pause();
  playing = starting;
}
