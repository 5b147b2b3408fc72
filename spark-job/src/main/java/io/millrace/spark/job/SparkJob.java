package io.millrace.spark.job;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * A run that Spark is to spread.
 *
 * @param order for each worker, which only it reads
 * @param workers how many
 * @param retries how often to begin again behind a worker that was lost
 * @param out the run's folder, on each worker's machine
 * @param resume whether to go on with what it holds
 * @param files small files that are brought to the workers
 */
public record SparkJob(
        String order, int workers, int retries, String out, boolean resume, List<String> files)
        implements Serializable {
    private static final long serialVersionUID = 1L;

    /** As lines, which one process says to another. */
    public String lines() {
        StringBuilder lines = new StringBuilder();
        lines.append("order ").append(order).append('\n');
        lines.append("workers ").append(workers).append('\n');
        lines.append("retries ").append(retries).append('\n');
        lines.append("out ").append(out).append('\n');
        lines.append("resume ").append(resume).append('\n');
        files.forEach(file -> lines.append("file ").append(file).append('\n'));
        return lines.toString();
    }

    /**
     * The job of some lines.
     *
     * @throws IllegalArgumentException where they are none
     */
    public static SparkJob of(List<String> lines) {
        List<String> files = new ArrayList<>();
        String[] said = new String[5];
        List<String> names = List.of("order", "workers", "retries", "out", "resume");
        for (String line : lines) {
            int space = line.indexOf(' ');
            String name = space < 0 ? line : line.substring(0, space);
            String value = line.substring(space + 1);
            if (name.equals("file")) {
                files.add(value);
            } else if (names.contains(name)) {
                said[names.indexOf(name)] = value;
            }
        }
        for (int i = 0; i < said.length; i++) {
            if (said[i] == null) {
                throw new IllegalArgumentException("a job without " + names.get(i));
            }
        }
        return new SparkJob(
                said[0],
                Integer.parseInt(said[1]),
                Integer.parseInt(said[2]),
                said[3],
                Boolean.parseBoolean(said[4]),
                List.copyOf(files));
    }
}
