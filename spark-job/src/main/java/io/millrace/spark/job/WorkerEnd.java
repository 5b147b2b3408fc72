package io.millrace.spark.job;

import java.io.Serializable;
import java.util.List;

/**
 * How a worker ended.
 *
 * @param rank of it
 * @param host its machine
 * @param code its exit code
 * @param said lines of its answer
 * @param last the last line that it showed
 */
record WorkerEnd(int rank, String host, int code, List<String> said, String last)
        implements Serializable {
    private static final long serialVersionUID = 1L;
}
