package io.millrace.prefetch;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.telemetry.SpanRecorder;
import java.util.Optional;

/**
 * What a pipeline is connected to; all of it outlives the pipeline.
 *
 * @param host where host slots and staging come from
 * @param device a device with memory of its own; empty where it computes on host memory
 * @param source blocks are read from here, in the versions that it names
 * @param sink changed blocks go here; may be empty where every block stays in memory
 * @param journal waited for before a block is written
 * @param spans what the lanes did and when
 */
public record FeedPorts(
        HostMemory host,
        Optional<DevicePort> device,
        BlockSource source,
        Optional<BlockSink> sink,
        DurableThrough journal,
        SpanRecorder spans) {}
