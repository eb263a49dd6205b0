package echoloop.peer;

/** Where the deltas of sessions go. */
interface Cells {
  /** The gain so far of one (tenant, dimension, value, hour), to be added to. */
  Counts of(Dimension dimension, String value);

  /** A session whose rating was `before` (null: none) and is `now`. `fresh`: it was not counted yet, and `before` neither. */
  default void add(Session session, boolean fresh, Rating before, Rating now) {
    for (Dimension dimension : Dimension.DIMENSIONS) {
      if (dimension == Dimension.TAG) {
        continue;
      }
      Counts counts = of(dimension, dimension.value(session));
      if (fresh) {
        counts.addSession(session, 1);
      }
      if (before != null) {
        counts.addRating(before, -1);
      }
      if (now != null) {
        counts.addRating(now, 1);
      }
    }
    addTags(session, before, -1);
    addTags(session, now, 1);
  }

  private void addTags(Session session, Rating rating, int sign) {
    if (rating == null) {
      return;
    }
    for (String tag : rating.tags()) {
      of(Dimension.TAG, tag).addSession(session, sign).addRating(rating, sign);
    }
  }
}
