/** Whether a file has the size and the time (milliseconds since 1970) that were offered. The name is not asked for: files are moved. */
export const isSame = (file: File, offered: { size: number; modifiedAt?: number | undefined }): boolean =>
  file.size === offered.size &&
  (offered.modifiedAt === undefined || offered.modifiedAt === Math.max(0, file.lastModified));
