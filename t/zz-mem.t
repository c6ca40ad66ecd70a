#!/usr/bin/python3
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from service import *
under_stack(__file__, own=True)
generate("--prefix", "vehicle_memory_", "--vehicles", "1", "--days", "60", "--drop")

import threading, time, re
for kw in (dict(),dict(readers=4),dict(threads=8)):
    with another_worker(**kw) as w:
        ident = create(request(days=60, vehicles=["vehicle_memory_001"], name=str(kw)))
        t0=time.time(); best=(0,"")
        while job_of(ident)["state"] not in FINAL:
            t=open("/proc/%d/smaps_rollup"%w.pid).read()
            m={k:int(v) for k,v in re.findall(r"(\w+): +(\d+) kB", t)}
            if m["Rss"]>best[0]: best=(m["Rss"], m); top=open("/proc/%d/smaps"%w.pid).read()
            time.sleep(.1)
        note(str(kw)+" "+str({k:v//1024 for k,v in best[1].items() if k in ("Rss","Anonymous","Pss_File","Pss_Anon","Shared_Clean","Private_Clean","Private_Dirty")}))
        L=[]
        for blk in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", top):
            m=re.search(r"Rss: +(\d+)",blk)
            if m and int(m[1])>1000: L.append((int(m[1])//1024, blk.split("\n")[0][-60:]))
        for x in sorted(L,reverse=True)[:4]: note(x)
done()
