/** Hands a file to the browser's downloads. The browser copies from disk to disk; nothing is read into memory. */

/** A download begins within moments; what is read for it must stay until it is copied, to however slow a disk. */
const keepMs = 10 * 60_000;
const slowestBytesPerMs = 5_000;

/** @param done called when the browser has had its time to take the file. */
export function saveAs(file: Blob, name: string, done: () => void = () => undefined): void {
  // As bytes without a type nothing can be opened as a page of this origin.
  const url = URL.createObjectURL(file.slice(0, file.size, 'application/octet-stream'));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(
    () => {
      URL.revokeObjectURL(url);
      done();
    },
    keepMs + file.size / slowestBytesPerMs,
  );
}
