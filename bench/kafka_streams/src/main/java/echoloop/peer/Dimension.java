package echoloop.peer;

import java.util.Locale;

/** What sessions are counted by, beside tenant and hour. */
enum Dimension {
  ALL, CHANNEL, CATEGORY, AGENT, DEPARTMENT, TAG;

  static final Dimension[] DIMENSIONS = values();

  private static final long HOUR_MS = 3_600_000;

  static long hour(Session session) {
    return session.timeMs() / HOUR_MS;
  }

  /** The value of a session; tags are the rating's. A category is one of its department, since the rule asks for both. */
  String value(Session session) {
    return switch (this) {
      case ALL -> "";
      case CHANNEL -> session.channel();
      case CATEGORY -> session.department() + '/' + session.category();
      case AGENT -> session.agent();
      case DEPARTMENT -> session.department();
      case TAG -> throw new IllegalStateException("a session has no tags");
    };
  }

  String csv(String tenant, String value, long hour) {
    String shown = this == CATEGORY ? value.substring(value.indexOf('/') + 1) : value;
    return tenant + ',' + name().toLowerCase(Locale.ROOT) + ',' + shown + ',' + hour * (HOUR_MS / 1000);
  }
}
