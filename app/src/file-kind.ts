/** Which picture stands for a file: by its declared type, else by its extension. Only for show; nothing is decided by it. */
export type FileKind = 'image' | 'video' | 'audio' | 'archive' | 'text' | 'other';

const extensions: Record<Exclude<FileKind, 'other'>, string> = {
  image: 'png jpg jpeg gif webp avif svg heic tif tiff bmp psd raw',
  video: 'mp4 mkv mov webm avi m4v mpg',
  audio: 'mp3 m4a wav flac ogg opus aac',
  archive: 'zip 7z rar tar gz xz zst bz2 iso dmg',
  text: 'txt md pdf doc docx odt rtf csv xls xlsx ods ppt pptx odp html json log',
};
const byExtension = new Map(
  Object.entries(extensions).flatMap(([kind, list]) => list.split(' ').map((ext) => [ext, kind as FileKind] as const)),
);

export function fileKind(file: { name: string; type: string }): FileKind {
  const main = file.type.split('/', 1)[0];
  if (main === 'image' || main === 'video' || main === 'audio' || main === 'text') return main;
  return byExtension.get(file.name.slice(file.name.lastIndexOf('.') + 1).toLowerCase()) ?? 'other';
}
