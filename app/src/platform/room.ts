/** Whether this browser's storage has room. The estimate is all that it tells; a disk may still be full before it. */
export async function hasRoom(bytes: number): Promise<boolean> {
  const { usage, quota } = await navigator.storage.estimate();
  return usage !== undefined && quota !== undefined && quota - usage >= bytes;
}
