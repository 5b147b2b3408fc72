package io.millrace.spark.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.spark.TestRun;
import io.millrace.spark.job.SparkJob;
import io.millrace.spark.keeper.WorkerProcess;
import io.millrace.spark.keeper.WorkerSeat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two workers in network namespaces with addresses of their own; 20 ms apart, and where one packet
 * of a hundred is lost, if this kernel can do that.
 */
@Tag("long")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class SlowNetworkTest {
    private static final String HOST = "10.77.19.1";

    @TempDir Path temp;

    private final long id = ProcessHandle.current().pid();
    private final List<String> spaces = List.of("millrace-a-" + id, "millrace-b-" + id);

    @AfterEach
    void removeNamespaces() throws Exception {
        for (String space : spaces) {
            does("ip", "netns", "del", space);
        }
    }

    @Test
    void aSlowAndLossyNetworkChangesNoByte() throws Exception {
        assumeTrue(canMakeNamespaces(), "network namespaces cannot be made here");
        TestRun run = new TestRun(temp, 6, "--lr=1e-5", "--method=fzoo");
        run.expected();
        System.setProperty("millrace.workers.describe", "true");
        SparkJob job;
        try {
            assertThat(run.run("apart", "--workers=2")).as(run.said()).isZero();
            job = SparkJob.of(run.answer().lines().toList());
        } finally {
            System.clearProperty("millrace.workers.describe");
        }
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        try (WorkerProcess host = start(0, shown);
                WorkerProcess guest = start(1, shown)) {
            host.order(job.order(), seat(0, 0).line());
            int port = host.port().get(2, TimeUnit.MINUTES);
            guest.order(job.order(), seat(1, port).line());

            assertThat(host.exit().get(5, TimeUnit.MINUTES)).as(said(shown)).isZero();
            assertThat(guest.exit().get(1, TimeUnit.MINUTES)).as(said(shown)).isZero();
        }
        run.assertSameAsOne("apart", said(shown));
    }

    private boolean canMakeNamespaces() throws Exception {
        return does("ip", "netns", "add", spaces.get(0))
                && does("ip", "netns", "add", spaces.get(1))
                && does(
                        ("ip link add mr0 netns "
                                        + spaces.get(0)
                                        + " type veth peer name mr1 netns "
                                        + spaces.get(1))
                                .split(" "))
                && joins(0, "mr0", HOST)
                && joins(1, "mr1", "10.77.19.2");
    }

    private boolean joins(int space, String device, String address) throws Exception {
        String inside = "ip netns exec " + spaces.get(space) + " ";
        boolean slow =
                does(
                        (inside + "tc qdisc add dev " + device + " root netem delay 20ms loss 1%")
                                .split(" "));
        System.out.println(
                spaces.get(space) + (slow ? ": 20 ms and 1 % loss" : ": as fast as it is"));
        return does((inside + "ip addr add " + address + "/24 dev " + device).split(" "))
                && does((inside + "ip link set " + device + " up").split(" "))
                && does((inside + "ip link set lo up").split(" "));
    }

    private static boolean does(String... line) throws InterruptedException {
        try {
            return new ProcessBuilder(line)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private WorkerProcess start(int rank, ByteArrayOutputStream shown) throws IOException {
        List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", spaces.get(rank)));
        line.addAll(WorkerCommand.ofThisProgram(2));
        return WorkerProcess.start(line, _ -> {}, (bytes, count) -> shown.write(bytes, 0, count));
    }

    private static WorkerSeat seat(int rank, int port) {
        return new WorkerSeat(rank, 2, HOST, port, false, "", "");
    }

    private static String said(ByteArrayOutputStream shown) {
        return shown.toString(StandardCharsets.UTF_8);
    }
}
