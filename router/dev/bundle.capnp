@0xcb339628c2f3ac20;
# The part of workerd's Pyodide bundle that it reads; the numbers are its wire format.

enum ModuleType {
  bundle @0;
  builtin @1;
  internal @2;
}

struct Module {
  name @0 :Text;
  union {
    src @1 :Data;
    wasm @4 :Data;
    data @5 :Data;
    json @6 :Text;
  }
  tsDeclaration @3 :Text;
  type @2 :ModuleType;
  compileCache @7 :Data;
}

struct Bundle {
  modules @0 :List(Module);
}
