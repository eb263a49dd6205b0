package echoloop.peer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Rows and deltas as bytes: variable-length integers and texts, one after the other. Writing and reading have an instance each; not thread-safe. */
final class Bytes {
  private byte[] bytes;
  private int at;

  Bytes(int capacity) {
    bytes = new byte[capacity];
  }

  /** To read from. */
  Bytes(byte[] bytes) {
    this.bytes = bytes;
  }

  /** What was written since the start or the last call. */
  byte[] take() {
    byte[] taken = Arrays.copyOf(bytes, at);
    at = 0;
    return taken;
  }

  boolean more() {
    return at < bytes.length;
  }

  void put(byte value) {
    reserve(1);
    bytes[at++] = value;
  }

  byte get() {
    return bytes[at++];
  }

  void putFixed(long value) {
    reserve(8);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes[at++] = (byte) (value >>> shift);
    }
  }

  long getFixed() {
    long value = 0;
    for (int i = 0; i < 8; i++) {
      value = value << 8 | bytes[at++] & 0xFF;
    }
    return value;
  }

  /** Small numbers of either sign take one byte. */
  void putNumber(long value) {
    reserve(10);
    long rest = value << 1 ^ value >> 63;
    while ((rest & ~0x7FL) != 0) {
      bytes[at++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[at++] = (byte) rest;
  }

  long getNumber() {
    long rest = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = bytes[at++];
      rest |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return rest >>> 1 ^ -(rest & 1);
      }
    }
  }

  void putText(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    putNumber(utf8.length);
    reserve(utf8.length);
    System.arraycopy(utf8, 0, bytes, at, utf8.length);
    at += utf8.length;
  }

  String getText() {
    int length = (int) getNumber();
    at += length;
    return new String(bytes, at - length, length, StandardCharsets.UTF_8);
  }

  private void reserve(int more) {
    if (bytes.length - at < more) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, at + more));
    }
  }
}
