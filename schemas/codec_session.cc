// echoloop.session.closed.v1 and echoloop.survey.invited.v1.
#include "schemas/codec_fields.h"

namespace echoloop::codec {
namespace {

constexpr std::array<Text, 3> kClosers{"customer", "agent", "system"};
constexpr std::array<Text, 2> kHandlers{"human", "bot"};
constexpr std::array<Text, 2> kResolutions{"resolved", "unresolved"};
constexpr std::array<Text, 4> kOutcomes{"delivered", "refused", "no_answer", "failed"};

constexpr std::array kHandlerFields{
    need<Id, &Handler::id>("id"),
    may<Label, &Handler::group>("group"),
    may<Label, &Handler::department>("department"),
    may<Enumerated<kHandlers>, &Handler::bot>("kind"),
    may<Instant, &Handler::from>("from"),
    may<Instant, &Handler::to>("to"),
};

constexpr std::array kKnowledgeFields{
    may<Count, &Knowledge::lookups>("lookups"),
    may<Count, &Knowledge::hits>("hits"),
};

constexpr std::array kRoutingFields{
    may<Label, &Routing::rule>("rule"),
    may<Version, &Routing::version>("version"),
    may<Label, &Routing::intended_group>("intended_group"),
};

struct HandlerKind : Object<kHandlerFields> {
  static bool read(Reading& r, Element e, const Path& p, Handler& out) {
    if (!Object<kHandlerFields>::read(r, e, p, out)) return false;
    return !out.from || !out.to || *out.to >= *out.from || r.fail(p.field("to"), "must not be before from");
  }
};

constexpr std::array kClosedFields{
    need<Id, &SessionClosed::tenant>("tenant"),
    need<Id, &SessionClosed::session_id>("session_id"),
    need<Instant, &SessionClosed::closed_at>("closed_at"),
    may<Id, &SessionClosed::customer_id>("customer_id"),
    may<Label, &SessionClosed::channel>("channel"),
    may<Instant, &SessionClosed::opened_at>("opened_at"),
    may<Milliseconds, &SessionClosed::queued_ms>("queued_ms"),
    may<Milliseconds, &SessionClosed::first_reply_ms>("first_reply_ms"),
    may<Milliseconds, &SessionClosed::handle_ms>("handle_ms"),
    may<Choice<kClosers>, &SessionClosed::closed_by>("closed_by"),
    may<Label, &SessionClosed::category>("category"),
    may<Label, &SessionClosed::entity>("entity"),
    may<List<HandlerKind>, &SessionClosed::agents>("agents"),
    may<Count, &SessionClosed::transfers>("transfers"),
    may<Count, &SessionClosed::work_orders>("work_orders"),
    may<Object<kKnowledgeFields>, &SessionClosed::knowledge>("knowledge"),
    may<List<Label>, &SessionClosed::links>("links"),
    may<Object<kRoutingFields>, &SessionClosed::routing>("routing"),
    may<Enumerated<kResolutions, 1>, &SessionClosed::agent_resolution>("agent_resolution"),
    may<List<Label>, &SessionClosed::agent_tags>("agent_tags"),
    may<Id, &SessionClosed::previous_session>("previous_session"),
};

constexpr std::array kInvitedFields{
    need<Id, &SurveyInvited::tenant>("tenant"),
    need<Id, &SurveyInvited::session_id>("session_id"),
    need<Id, &SurveyInvited::survey>("survey"),
    need<Instant, &SurveyInvited::sent_at>("sent_at"),
    may<Version, &SurveyInvited::version>("version"),
    may<Label, &SurveyInvited::channel>("channel"),
    may<Choice<kOutcomes>, &SurveyInvited::outcome>("outcome"),
};

}  // namespace

bool read_data(Reading& reading, Element value, const Path& at, SessionClosed& out) {
  return read_object<kClosedFields>(reading, value, at, out);
}
void write_data(const SessionClosed& data, std::string& out) { write_object(data, kClosedFields, out); }

bool read_data(Reading& reading, Element value, const Path& at, SurveyInvited& out) {
  return read_object<kInvitedFields>(reading, value, at, out);
}
void write_data(const SurveyInvited& data, std::string& out) { write_object(data, kInvitedFields, out); }

}  // namespace echoloop::codec
