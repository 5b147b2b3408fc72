package io.millrace.prefetch;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Floors and doors: who may import what. */
@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule restsOnMemoryAndTelemetryAlone =
            classes()
                    .that()
                    .resideInAPackage("io.millrace.prefetch..")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            "com.lmax.disruptor..",
                            "com.sun.management..",
                            "io.millrace.prefetch..",
                            "io.millrace.memory..",
                            "io.millrace.telemetry..");

    @ArchTest
    static final ArchRule theRingHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.prefetch")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("com.lmax..");

    private ArchitectureTest() {}
}
