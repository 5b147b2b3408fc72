package io.millrace.spark.keeper;

import java.util.List;

/**
 * Which of the workers one is: the second line on its standard input, which its keeper writes.
 *
 * @param rank of this worker
 * @param size how many there are
 * @param host where worker 0 listens, or is to
 * @param port its port; of worker 0 itself, 0 for any that is free
 * @param resume whether to go on with the run that the folder holds, where it holds one
 * @param files a folder with files that were brought here; empty where none were
 * @param device what it computes on; empty for what the run's options say
 */
public record WorkerSeat(
        int rank, int size, String host, int port, boolean resume, String files, String device) {
    private static final String SEPARATOR = "\t";

    /** The line. */
    public String line() {
        return String.join(
                SEPARATOR,
                Integer.toString(rank),
                Integer.toString(size),
                host,
                Integer.toString(port),
                Boolean.toString(resume),
                files,
                device);
    }

    /** The seat of a line. */
    public static WorkerSeat of(String line) {
        List<String> fields = List.of(line.split(SEPARATOR, -1));
        return new WorkerSeat(
                Integer.parseInt(fields.get(0)),
                Integer.parseInt(fields.get(1)),
                fields.get(2),
                Integer.parseInt(fields.get(3)),
                Boolean.parseBoolean(fields.get(4)),
                fields.get(5),
                fields.get(6));
    }
}
