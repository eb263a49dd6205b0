"""Topics of a Kafka broker, made with librdkafka's admin interface: milliseconds, where Kafka's own program needs a second.

    create("127.0.0.1:9092", "events", partitions=4)

Errors: Exists, Refused; OSError when librdkafka is not installed (Debian's librdkafka1).
"""

import contextlib
import ctypes
import functools
import time

PATIENCE_S = 60  # for a machine under load
LOOK_S = 0.02
PRODUCER, CONSUMER = 0, 1  # any client can ask
ALREADY_EXISTS = 36  # Kafka's error code
END = -1


class Refused(Exception):
    """The broker did not answer, or not as it was asked to."""


class Exists(Refused):
    """There is such a topic already."""


class PartitionMetadata(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_int32),
        ("error", ctypes.c_int),
        ("leader", ctypes.c_int32),
        ("replica_count", ctypes.c_int),
        ("replicas", ctypes.c_void_p),
        ("in_sync_count", ctypes.c_int),
        ("in_sync", ctypes.c_void_p),
    ]


class TopicMetadata(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("partition_count", ctypes.c_int),
        ("partitions", ctypes.POINTER(PartitionMetadata)),
        ("error", ctypes.c_int),
    ]


class Metadata(ctypes.Structure):
    _fields_ = [
        ("broker_count", ctypes.c_int),
        ("brokers", ctypes.c_void_p),
        ("topic_count", ctypes.c_int),
        ("topics", ctypes.POINTER(TopicMetadata)),
        ("asked_id", ctypes.c_int32),
        ("asked_name", ctypes.c_char_p),
    ]


@functools.cache
def library():
    """librdkafka; its functions answer pointers unless they are named here."""
    rd = ctypes.CDLL("librdkafka.so.1")
    for name in (
        "conf_new", "new", "topic_new", "NewTopic_new", "queue_new", "queue_poll", "event_CreateTopics_result",
        "CreateTopics_result_topics", "topic_partition_list_new", "DeleteRecords_new", "DeleteTopic_new", "event_DeleteTopics_result",
        "DeleteTopics_result_topics", "topic_partition_list_add", "NewPartitions_new", "DeleteGroup_new", "event_DeleteGroups_result",
        "DeleteGroups_result_groups", "group_result_error",
    ):  # fmt: skip
        getattr(rd, f"rd_kafka_{name}").restype = ctypes.c_void_p
    for name in ("err2str", "event_error_string", "topic_result_error_string"):
        getattr(rd, f"rd_kafka_{name}").restype = ctypes.c_char_p
    return rd


@contextlib.contextmanager
def client(address, kind=PRODUCER, **more):
    """`more`: properties of librdkafka, with _ for each dot."""
    rd, why = library(), ctypes.create_string_buffer(512)
    settings = ctypes.c_void_p(rd.rd_kafka_conf_new())
    more = {name.replace("_", "."): value for name, value in more.items()}
    for name, value in {"bootstrap.servers": address, "log_level": "2", **more}.items():
        if rd.rd_kafka_conf_set(settings, name.encode(), value.encode(), why, len(why)) != 0:
            raise Refused(why.value.decode())
    handle = ctypes.c_void_p(rd.rd_kafka_new(kind, settings, why, len(why)))
    if not handle:
        raise Refused(why.value.decode())
    try:
        yield handle
    finally:
        rd.rd_kafka_destroy(handle)


def create(address, name, partitions=1, replicas=1, settings=None):
    """Makes a topic with the settings that Kafka knows for topics, and waits until every broker of the list knows it and has a leader
    for each partition."""
    with client(address) as handle:
        ask(handle, name, partitions, replicas, settings or {})
    for one in address.split(","):
        with client(one) as handle:
            wait_known(handle, name, partitions)


def ask(handle, name, partitions, replicas, settings):
    rd, why = library(), ctypes.create_string_buffer(512)
    topic = ctypes.c_void_p(rd.rd_kafka_NewTopic_new(name.encode(), partitions, replicas, why, len(why)))
    if not topic:
        raise Refused(f"topic {name}: {why.value.decode()}")
    for key, value in settings.items():
        rd.rd_kafka_NewTopic_set_config(topic, key.encode(), str(value).encode())
    queue, event = ctypes.c_void_p(rd.rd_kafka_queue_new(handle)), None
    try:
        rd.rd_kafka_CreateTopics(handle, ctypes.byref(topic), ctypes.c_size_t(1), None, queue)
        event = ctypes.c_void_p(rd.rd_kafka_queue_poll(queue, PATIENCE_S * 1000))
        if not event:
            raise Refused(f"topic {name}: no answer within {PATIENCE_S} s")
        check(name, event)
    finally:
        if event:
            rd.rd_kafka_event_destroy(event)
        rd.rd_kafka_queue_destroy(queue)
        rd.rd_kafka_NewTopic_destroy(topic)


def delete_records(address, name, partition, before):
    """Those of the partition before that offset; END: all that are there."""
    rd = library()
    with client(address) as handle:
        offsets = ctypes.c_void_p(rd.rd_kafka_topic_partition_list_new(1))
        rd.rd_kafka_topic_partition_list_add(offsets, name.encode(), partition)
        rd.rd_kafka_topic_partition_list_set_offset(offsets, name.encode(), partition, ctypes.c_int64(before))
        request = ctypes.c_void_p(rd.rd_kafka_DeleteRecords_new(offsets))
        try:
            answered(handle, rd.rd_kafka_DeleteRecords, request)
        finally:
            rd.rd_kafka_DeleteRecords_destroy(request)
            rd.rd_kafka_topic_partition_list_destroy(offsets)


def add_partitions(address, name, partitions):
    """So that it has so many."""
    rd, why = library(), ctypes.create_string_buffer(512)
    with client(address) as handle:
        request = ctypes.c_void_p(rd.rd_kafka_NewPartitions_new(name.encode(), ctypes.c_size_t(partitions), why, len(why)))
        try:
            answered(handle, rd.rd_kafka_CreatePartitions, request)
        finally:
            rd.rd_kafka_NewPartitions_destroy(request)
        wait_known(handle, name, partitions)


def set_offsets(address, group, name, partitions, offset):
    """Of a group without members, as Kafka's own program sets them; answers whether that went."""
    rd = library()
    with client(address, CONSUMER, group_id=group) as handle:
        offsets = ctypes.c_void_p(rd.rd_kafka_topic_partition_list_new(partitions))
        try:
            for partition in range(partitions):
                rd.rd_kafka_topic_partition_list_add(offsets, name.encode(), partition)
                rd.rd_kafka_topic_partition_list_set_offset(offsets, name.encode(), partition, ctypes.c_int64(offset))
            return rd.rd_kafka_commit(handle, offsets, 0) == 0
        finally:
            rd.rd_kafka_topic_partition_list_destroy(offsets)


def delete(address, name):
    """The topic; answers whether that went."""
    return deleted(address, name, "Topic")


def delete_group(address, name):
    """The group with its offsets, once it has no members; answers whether that went."""
    return deleted(address, name, "Group")


def deleted(address, name, kind):
    """`kind` is what librdkafka's functions call it."""
    rd = library()

    def error(event):
        count = ctypes.c_size_t()
        result = ctypes.c_void_p(getattr(rd, f"rd_kafka_event_Delete{kind}s_result")(event))
        parts = ctypes.c_void_p(getattr(rd, f"rd_kafka_Delete{kind}s_result_{kind.lower()}s")(result, ctypes.byref(count)))
        first = ctypes.c_void_p(ctypes.cast(parts, ctypes.POINTER(ctypes.c_void_p))[0])
        return getattr(rd, f"rd_kafka_{kind.lower()}_result_error")(first)

    with client(address) as handle:
        request = ctypes.c_void_p(getattr(rd, f"rd_kafka_Delete{kind}_new")(name.encode()))
        try:
            return answered(handle, getattr(rd, f"rd_kafka_Delete{kind}s"), request, error)
        finally:
            getattr(rd, f"rd_kafka_Delete{kind}_destroy")(request)


def answered(handle, function, request, error=lambda event: None):
    """Sends one request of the admin interface; answers whether nothing was wrong with its one part."""
    rd = library()
    queue, event = ctypes.c_void_p(rd.rd_kafka_queue_new(handle)), None
    try:
        function(handle, ctypes.byref(request), ctypes.c_size_t(1), None, queue)
        event = ctypes.c_void_p(rd.rd_kafka_queue_poll(queue, PATIENCE_S * 1000))
        if not event:
            raise Refused(f"no answer within {PATIENCE_S} s")
        if rd.rd_kafka_event_error(event):
            raise Refused(rd.rd_kafka_event_error_string(event).decode())
        return not error(event)
    finally:
        if event:
            rd.rd_kafka_event_destroy(event)
        rd.rd_kafka_queue_destroy(queue)


def check(name, event):
    """What the broker answered."""
    rd, count = library(), ctypes.c_size_t()
    if rd.rd_kafka_event_error(event):
        raise Refused(f"topic {name}: {rd.rd_kafka_event_error_string(event).decode()}")
    result = ctypes.c_void_p(rd.rd_kafka_event_CreateTopics_result(event))
    made = ctypes.cast(rd.rd_kafka_CreateTopics_result_topics(result, ctypes.byref(count)), ctypes.POINTER(ctypes.c_void_p))
    for one in made[: count.value]:
        one = ctypes.c_void_p(one)
        code = rd.rd_kafka_topic_result_error(one)
        if code:
            why = rd.rd_kafka_topic_result_error_string(one) or rd.rd_kafka_err2str(code)
            raise (Exists if code == ALREADY_EXISTS else Refused)(f"topic {name}: {why.decode()}")


def wait_known(handle, name, partitions):
    limit = time.monotonic() + PATIENCE_S
    topic = ctypes.c_void_p(library().rd_kafka_topic_new(handle, name.encode(), None))
    try:
        while not is_known(handle, topic, partitions):
            if time.monotonic() > limit:
                raise Refused(f"topic {name}: no leader of each partition within {PATIENCE_S} s")
            time.sleep(LOOK_S)
    finally:
        library().rd_kafka_topic_destroy(topic)


def is_known(handle, topic, partitions):
    found = ctypes.POINTER(Metadata)()
    if library().rd_kafka_metadata(handle, 0, topic, ctypes.byref(found), PATIENCE_S * 1000) != 0:
        return False
    try:
        (told,) = found.contents.topics[: found.contents.topic_count]
        parts = told.partitions[: told.partition_count]
        return told.error == 0 and len(parts) == partitions and all(part.error == 0 and part.leader >= 0 for part in parts)
    finally:
        library().rd_kafka_metadata_destroy(found)
