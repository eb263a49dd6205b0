package echoloop.peer;

import java.util.ArrayList;
import java.util.List;

/** An evaluation.submitted event, as far as it is counted. */
record Rating(EventId id, long timeMs, int score, Resolved resolved, List<String> tags) {
  enum Resolved { YES, NO, UNANSWERED }

  /** Of two ratings of a session the later one holds. */
  boolean after(Rating other) {
    return timeMs != other.timeMs ? timeMs > other.timeMs : id.compareTo(other.id) > 0;
  }

  void write(Bytes to) {
    id.write(to);
    to.putNumber(timeMs);
    to.put((byte) score);
    to.put((byte) resolved.ordinal());
    to.putNumber(tags.size());
    tags.forEach(to::putText);
  }

  private static final Resolved[] ANSWERS = Resolved.values();

  static Rating read(Bytes from) {
    EventId id = EventId.read(from);
    long timeMs = from.getNumber();
    int score = from.get();
    Resolved resolved = ANSWERS[from.get()];
    int count = (int) from.getNumber();
    List<String> tags = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      tags.add(from.getText());
    }
    return new Rating(id, timeMs, score, resolved, tags);
  }
}
