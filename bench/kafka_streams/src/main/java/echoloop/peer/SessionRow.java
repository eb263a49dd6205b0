package echoloop.peer;

import java.util.ArrayList;
import java.util.List;

/** All that is kept of a session: the session once it came, the rating that holds, and the ids of ratings that do not. */
final class SessionRow {
  Session session;
  Rating rating;
  final List<EventId> passed = new ArrayList<>(0);

  SessionRow(Session session, Rating rating) {
    this.session = session;
    this.rating = rating;
  }

  boolean knows(EventId id) {
    return session != null && session.id().equals(id) || rating != null && rating.id().equals(id) || passed.contains(id);
  }

  void write(Bytes to) {
    to.put((byte) ((session != null ? 1 : 0) | (rating != null ? 2 : 0)));
    if (session != null) {
      session.write(to);
    }
    if (rating != null) {
      rating.write(to);
    }
    passed.forEach(id -> id.write(to));
  }

  /** From all that is left. */
  static SessionRow read(Bytes from) {
    byte holds = from.get();
    Session session = (holds & 1) != 0 ? Session.read(from) : null;
    SessionRow row = new SessionRow(session, (holds & 2) != 0 ? Rating.read(from) : null);
    while (from.more()) {
      row.passed.add(EventId.read(from));
    }
    return row;
  }
}
