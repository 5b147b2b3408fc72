package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import java.nio.file.Path;

/** The store of changed blocks. */
final class BlockStoreSourceTest extends BlockSourceContract {
    @Override
    protected Opened open(Path place, HostMemory host) {
        FileIo io = ContractSources.io(place);
        BlockStore store = ContractSources.store(place, io, host, 3);
        return new Opened(store, ContractSources.blocks(3), io);
    }
}
