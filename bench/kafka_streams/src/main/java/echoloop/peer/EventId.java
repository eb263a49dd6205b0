package echoloop.peer;

/** The UUID of an event. */
record EventId(long high, long low) implements Comparable<EventId> {
  static EventId parse(String text) {
    if (text.length() != 36) {
      throw new IllegalArgumentException("not a UUID: " + text);
    }
    long high = 0;
    long low = 0;
    for (int i = 0; i < 36; i++) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        continue;
      }
      high = high << 4 | low >>> 60;
      low = low << 4 | Character.digit(text.charAt(i), 16);
    }
    return new EventId(high, low);
  }

  @Override
  public int compareTo(EventId other) {
    int order = Long.compareUnsigned(high, other.high);
    return order != 0 ? order : Long.compareUnsigned(low, other.low);
  }

  void write(Bytes to) {
    to.putFixed(high);
    to.putFixed(low);
  }

  static EventId read(Bytes from) {
    return new EventId(from.getFixed(), from.getFixed());
  }
}
