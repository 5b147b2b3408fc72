package io.millrace.spark.link;

/**
 * What a worker says at one call.
 *
 * @param call counts a worker's calls from 0 up
 * @param topic what is spoken of
 * @param bytes what is said
 */
record Words(long call, String topic, byte[] bytes) {
    /** Whether both are of one call. */
    boolean fits(Words other) {
        return call == other.call && topic.equals(other.topic);
    }

    @Override
    public String toString() {
        return "'" + topic + "', call " + call;
    }
}
