package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import java.io.IOException;
import java.nio.file.Path;

/** The files that a run begins from. */
final class OriginalSourceTest extends BlockSourceContract {
    @Override
    protected Opened open(Path place, HostMemory host) throws IOException {
        FileIo io = ContractSources.io(place);
        OriginalReader reader = ContractSources.original(place, io, host);
        return new Opened(reader, ContractSources.blocks(0), io);
    }
}
